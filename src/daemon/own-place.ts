import type { Place } from "../lb/place.ts";
import type { PlaceMessage } from "./worker-messages.ts";

/**
 * Where this proxy runs: as its configuration says or, where that names no zone, as the control plane knows its node. A DaemonSet has one
 * configuration for all nodes, and most versions of Kubernetes tell a Pod its node's name and not its zone.
 */
export class OwnPlace implements Place {
  readonly node: string;
  readonly #isConfigured: boolean;
  #zone: string;
  #region: string;
  #hasLearnt = false;

  /** @param node as configured; "" for what is not known. */
  constructor(node: { readonly id: string; readonly zone: string; readonly region: string }) {
    this.node = node.id;
    this.#zone = node.zone;
    this.#region = node.region;
    this.#isConfigured = node.zone !== "";
  }

  get zone(): string {
    return this.#zone;
  }

  get region(): string {
    return this.#region;
  }

  /** Takes what a control plane says; a zone in the configuration counts more. @returns whether this is another place from now on. */
  learn({ zone, region }: { readonly zone: string; readonly region: string }): boolean {
    if (this.#isConfigured || zone === "") return false;
    if (zone === this.#zone && region === this.#region) return false;
    this.#zone = zone;
    this.#region = region;
    this.#hasLearnt = true;
    return true;
  }

  /** For workers, which know what is configured; undefined where that still holds. */
  get message(): PlaceMessage | undefined {
    return this.#hasLearnt ? { kind: "place", zone: this.#zone, region: this.#region } : undefined;
  }
}
