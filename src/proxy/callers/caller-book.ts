import { parseIpAddress } from "../../base/ip-address.ts";
import type { Caller } from "../../resource/caller.ts";
import { CallerClasses } from "./caller-classes.ts";
import { CallerPod } from "./caller-pod.ts";

/** What a new list of pods means for connections that stand. */
export interface CallerChanges {
  /** Pods whose address has another owner now: whatever still comes on their connections is not theirs. */
  readonly displaced: ReadonlySet<CallerPod>;
  /** Pods that were captured and are to be no more. */
  readonly released: ReadonlySet<CallerPod>;
  /** Classes that nobody is in any more. */
  readonly leftClasses: readonly number[];
}

/** Which pod of this node has which source address. Asked when a connection is accepted, never per request. */
export class CallerBook {
  readonly #classes = new CallerClasses();
  #byAddress = new Map<string, CallerPod>();
  #byUid = new Map<string, CallerPod>();

  /** @param address of a socket. @returns the pod; undefined where it is none of this node's, as far as is known. */
  find(address: string): CallerPod | undefined {
    return this.#byAddress.get(keyOf(address));
  }

  /** Makes these the pods of the node. A pod that was known is the same object. */
  apply(callers: readonly Caller[]): CallerChanges {
    const byAddress = new Map<string, CallerPod>();
    const byUid = new Map<string, CallerPod>();
    const displaced = new Set<CallerPod>();
    const released = new Set<CallerPod>();
    const leftClasses = this.#classes.keep(new Set(callers.map(({ namespace }) => namespace)));
    for (const caller of callers) {
      const pod = this.#byUid.get(caller.uid) ?? new CallerPod(caller, this.#classes.of(caller.namespace));
      if (pod.mode === "transparent" && caller.mode !== "transparent") released.add(pod);
      pod.mode = caller.mode;
      pod.addresses = caller.addresses;
      pod.access = caller.access;
      byUid.set(caller.uid, pod);
      for (const address of caller.addresses) byAddress.set(keyOf(address), pod);
    }
    for (const [address, former] of this.#byAddress) {
      const owner = byAddress.get(address);
      if (owner !== undefined && owner !== former) displaced.add(former);
    }
    this.#byAddress = byAddress;
    this.#byUid = byUid;
    return { displaced, released, leftClasses };
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
