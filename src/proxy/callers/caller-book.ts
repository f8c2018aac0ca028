import { parseIpAddress } from "../../base/ip-address.ts";
import { SHARED_CLASS } from "./caller-classes.ts";
import { CallerPod } from "./caller-pod.ts";
import type { NumberedCaller } from "./numbered-caller.ts";

/** A node's range of addresses has 254 of them mostly. */
const MOST_FORMER_OWNERS = 4_096;

/** What a new list of pods means for connections that stand. */
export interface CallerChanges {
  /**
   * Pods whose address has another owner now: whatever still comes on their connections is not theirs. And those that are gone and whose class is
   * another namespace's now: what still comes would be counted for that one, and share its connections to endpoints.
   */
  readonly displaced: ReadonlySet<CallerPod>;
  /** Pods that were captured and are to be no more. */
  readonly released: ReadonlySet<CallerPod>;
}

/** Which pod of this node has which source address. Asked when a connection is accepted, never per request. */
export class CallerBook {
  #byAddress = new Map<string, CallerPod>();
  #byUid = new Map<string, CallerPod>();
  /** Who had an address that is nobody's now, the longest ago first. */
  readonly #formerOwners = new Map<string, CallerPod>();

  /** @param address of a socket. @returns the pod; undefined where it is none of this node's, as far as is known. */
  find(address: string): CallerPod | undefined {
    return this.#byAddress.get(keyOf(address));
  }

  /** Makes these the pods of the node. A pod that was known is the same object, also where it was not among them for a while. */
  apply(callers: readonly NumberedCaller[]): CallerChanges {
    const byAddress = new Map<string, CallerPod>();
    const byUid = new Map<string, CallerPod>();
    const displaced = new Set<CallerPod>();
    const released = new Set<CallerPod>();
    const formerByUid = this.#formerByUid();
    for (const caller of callers) {
      const known = this.#byUid.get(caller.uid) ?? formerByUid?.get(caller.uid);
      const isSame = known !== undefined && known.callerClass === caller.callerClass;
      // Its connections would be of a class that is another namespace's by now.
      if (known !== undefined && !isSame) displaced.add(known);
      const pod = isSame ? known : new CallerPod(caller);
      if (pod.mode === "transparent" && caller.mode !== "transparent") released.add(pod);
      pod.mode = caller.mode;
      pod.addresses = caller.addresses;
      pod.access = caller.access;
      byUid.set(caller.uid, pod);
      for (const address of caller.addresses) byAddress.set(keyOf(address), pod);
    }
    for (const [address, former] of this.#byAddress) {
      const owner = byAddress.get(address);
      if (owner === undefined) this.#remember(address, former);
      else if (owner !== former) displaced.add(former);
    }
    for (const [address, owner] of byAddress) {
      const former = this.#formerOwners.get(address);
      if (former === undefined) continue;
      this.#formerOwners.delete(address);
      if (former !== owner) displaced.add(former);
    }
    this.#displaceTakenOver(callers, displaced);
    this.#byAddress = byAddress;
    this.#byUid = byUid;
    return { displaced, released };
  }

  #displaceTakenOver(callers: readonly NumberedCaller[], displaced: Set<CallerPod>): void {
    if (this.#formerOwners.size === 0) return;
    const owners = new Map(callers.map(({ callerClass, namespace }) => [callerClass, namespace]));
    for (const [address, former] of this.#formerOwners) {
      const { callerClass, namespace } = former;
      const owner = owners.get(callerClass);
      if (owner === undefined || owner === namespace || callerClass === SHARED_CLASS) continue;
      displaced.add(former);
      this.#formerOwners.delete(address);
    }
  }

  /**
   * Pods that were nobody's for a while and are back, as all are when a control plane was away for too long: their connections stood meanwhile, and
   * are theirs again.
   */
  #formerByUid(): ReadonlyMap<string, CallerPod> | undefined {
    if (this.#formerOwners.size === 0) return undefined;
    return new Map(Array.from(this.#formerOwners.values(), (pod) => [pod.uid, pod]));
  }

  /** An address may be nobody's for a moment before another pod gets it, and connections of the former stand as long. */
  #remember(address: string, former: CallerPod): void {
    this.#formerOwners.delete(address);
    this.#formerOwners.set(address, former);
    if (this.#formerOwners.size <= MOST_FORMER_OWNERS) return;
    for (const oldest of this.#formerOwners.keys()) {
      this.#formerOwners.delete(oldest);
      return;
    }
  }

  /** The kernel sends the connections of all opted-in pods that are known now here. */
  planInForce(): void {
    for (const pod of this.#byUid.values()) pod.captured = pod.mode === "transparent";
  }
}

/** The same for the same address, however it is written. */
function keyOf(address: string): string {
  return parseIpAddress(address)?.join(" ") ?? address;
}
