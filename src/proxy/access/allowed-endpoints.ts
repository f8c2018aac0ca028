import { ClassQueue } from "../../base/class-queue.ts";
import type { SlotLinks } from "../../base/slot-list.ts";
import type { TieredPicker } from "../../lb/tiered-picker.ts";
import type { CallerAccess } from "../../resource/access/access-policy.ts";
import { endpointVerdicts } from "../../resource/access/endpoint-verdicts.ts";
import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { CallerPod } from "../callers/caller-pod.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import type { EndpointSet } from "../routes/request-routes.ts";

/** Of a pod of which nothing was said. */
const PLAIN: CallerAccess = { labels: {}, namespaceLabels: {}, egress: [] };

/** The endpoints of a cluster to which policies of the network let one pod connect: found when the cluster or the policies change, and not for a request. */
export class AllowedEndpoints implements EndpointSet {
  /** A queue of its own: a full one holds up nobody who may go elsewhere. */
  readonly queue: ClassQueue;
  readonly #cluster: ClusterRuntime;
  readonly #pod: CallerPod;
  readonly #within: EndpointSet | undefined;
  #snapshot: ClusterSnapshot | undefined;
  #access: CallerAccess | undefined;
  #addresses: readonly string[] = [];
  /** By index in the snapshot: 1 where the pod may connect. */
  #allowed = new Uint8Array(0);
  #isOpen = true;
  #refusal = "";
  #revision = 0;
  /** Shares by health. */
  #own: TieredPicker | undefined;
  /** The same with those of the moment. */
  #tiered: TieredPicker | undefined;
  #version = -1;
  #ownRevision = -1;
  #sharesVersion = -1;

  /** @param within what the request is restricted to besides; undefined: all of the cluster. */
  constructor(cluster: ClusterRuntime, links: SlotLinks, pod: CallerPod, within: EndpointSet | undefined) {
    this.#cluster = cluster;
    this.#pod = pod;
    this.#within = within;
    this.queue = new ClassQueue(links);
  }

  /** Whether every endpoint is allowed. */
  get isOpen(): boolean {
    this.#look();
    return this.#isOpen;
  }

  /** The policy against it, where no endpoint is allowed; else "". */
  get refusal(): string {
    this.#look();
    return this.#refusal;
  }

  accepts(index: number): boolean {
    this.#look();
    return this.#isOpen || this.#allowed[index] === 1;
  }

  get tiered(): TieredPicker {
    this.#look();
    const cluster = this.#cluster;
    if (
      this.#own === undefined ||
      this.#version !== cluster.version ||
      this.#ownRevision !== this.#revision
    ) {
      this.#version = cluster.version;
      this.#ownRevision = this.#revision;
      this.#sharesVersion = -1;
      const within = this.#within;
      this.#own = cluster.restricted(
        (index) => this.accepts(index) && (within === undefined || within.accepts(index)),
        this.#own,
      );
    }
    if (this.#sharesVersion !== cluster.sharesVersion) {
      this.#sharesVersion = cluster.sharesVersion;
      this.#tiered = cluster.shared(this.#own);
    }
    return this.#tiered!;
  }

  #look(): void {
    const { snapshot } = this.#cluster;
    const { access, addresses } = this.#pod;
    if (this.#snapshot === snapshot && this.#access === access && this.#addresses === addresses) return;
    this.#snapshot = snapshot;
    this.#access = access;
    this.#addresses = addresses;
    this.#revision++;
    const { namespace } = this.#pod;
    const judge = endpointVerdicts({ namespace, addresses, ...(access ?? PLAIN) }, snapshot.settings.access);
    this.#isOpen = judge === undefined;
    this.#refusal = "";
    if (judge === undefined) return;
    const allowed = new Uint8Array(snapshot.count);
    let count = 0;
    let refusal = "";
    for (let index = 0; index < snapshot.count; index++) {
      const policy = judge(snapshot.addressAt(index), snapshot.portAt(index));
      if (policy !== "") refusal ||= policy;
      else {
        allowed[index] = 1;
        count++;
      }
    }
    this.#allowed = allowed;
    this.#isOpen = count === snapshot.count;
    if (count === 0) this.#refusal = refusal;
  }
}
