import { ClassQueue } from "../../base/class-queue.ts";
import type { SlotLinks } from "../../base/slot-list.ts";
import type { TieredPicker } from "../../lb/tiered-picker.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import { endpointLabels } from "./endpoint-labels.ts";

/** The endpoints of a cluster that have certain labels: their tiers and pickers, and the streams that wait for just these. */
export class RestrictedEndpoints {
  /** Equal for equal labels. */
  readonly key: string;
  /** A queue of its own: a full one holds up nobody who may go elsewhere. */
  readonly queue: ClassQueue;
  readonly #cluster: ClusterRuntime;
  readonly #labels: readonly (readonly [string, string])[];
  readonly #fallsBack: boolean;
  /** Shares by health. */
  #own: TieredPicker | undefined;
  /** The same with those of the moment. */
  #tiered: TieredPicker | undefined;
  #version = -1;
  #sharesVersion = -1;

  /**
   * @param labels what an endpoint has to have.
   * @param fallsBack whether any endpoint will do when none of these is fit.
   */
  constructor(
    cluster: ClusterRuntime,
    links: SlotLinks,
    labels: Readonly<Record<string, string>>,
    fallsBack: boolean,
  ) {
    this.#cluster = cluster;
    this.#labels = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
    this.#fallsBack = fallsBack;
    this.key = JSON.stringify(this.#labels);
    this.queue = new ClassQueue(links);
  }

  /** What streams are picked for by now: made anew when the cluster has changed, or load has moved between its tiers. */
  get tiered(): TieredPicker {
    const cluster = this.#cluster;
    if (this.#version !== cluster.version) {
      this.#version = cluster.version;
      this.#sharesVersion = -1;
      this.#own = this.#build();
    }
    if (this.#own === undefined) return cluster.tiered;
    if (this.#sharesVersion !== cluster.sharesVersion) {
      this.#sharesVersion = cluster.sharesVersion;
      this.#tiered = cluster.shared(this.#own);
    }
    return this.#tiered!;
  }

  accepts(index: number): boolean {
    const { tiered } = this;
    // Where it fell back, any will do.
    if (this.#own === undefined || tiered === this.#cluster.tiered) return true;
    return this.#accepts(endpointLabels(this.#cluster.snapshot)[index]!);
  }

  /** @returns undefined where none of these is fit and any other will do. */
  #build(): TieredPicker | undefined {
    const labels = endpointLabels(this.#cluster.snapshot);
    const own = this.#cluster.restricted((index) => this.#accepts(labels[index]!), this.#own);
    const isFit = own.tierSet.tiers.some(({ count, panic }) => count > 0 && !panic);
    return this.#fallsBack && !isFit ? undefined : own;
  }

  #accepts(labels: Readonly<Record<string, string>>): boolean {
    return this.#labels.every(([label, value]) => labels[label] === value);
  }
}
