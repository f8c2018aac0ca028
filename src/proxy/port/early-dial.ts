import type { CallerPod } from "../callers/caller-pod.ts";
import type { DialFailure, DialOwner } from "./endpoint-dial.ts";
import { EndpointDial } from "./endpoint-dial.ts";
import { mayBeSettings } from "./first-octets.ts";
import type { PortServices } from "./port-services.ts";

/** The connection an {@link EarlyDial} is made for. */
export interface EarlyDialOwner {
  /** Whether the client has said nothing yet, and it is not known what it speaks. */
  readonly isSilent: boolean;
  /** Who calls, where that is known. */
  readonly origin?: { readonly pod: CallerPod | undefined } | undefined;
  /** The endpoint has spoken first, or ended: the connection is no HTTP/2, and there is nothing to wait for. */
  endpointSpoke(): void;
  dialFailed(reason: DialFailure): void;
}

/** An endpoint of the connection's own cluster, dialled before it is known whether it is wanted. */
export class EarlyDial implements DialOwner {
  readonly #services: PortServices;
  readonly #owner: EarlyDialOwner;
  #dial: EndpointDial | undefined;

  constructor(services: PortServices, owner: EarlyDialOwner) {
    this.#services = services;
    this.#owner = owner;
  }

  begin(clusterSlot: number): void {
    const { context, picker } = this.#services;
    this.#dial = new EndpointDial(
      context,
      picker,
      { clusterSlot, byClientTls: false, pod: this.#owner.origin?.pod },
      this,
    );
  }

  /** It is known what is wanted. @returns the dial under way if it is that, else another one. */
  take(clusterSlot: number, byClientTls: boolean): EndpointDial {
    const dial = this.#dial;
    this.#dial = undefined;
    if (dial?.suits(clusterSlot, byClientTls) === true) return dial;
    dial?.abandon();
    const { context, picker } = this.#services;
    return new EndpointDial(
      context,
      picker,
      { clusterSlot, byClientTls, pod: this.#owner.origin?.pod },
      this,
    );
  }

  /** It is not wanted. */
  abandon(): void {
    this.#dial?.abandon();
    this.#dial = undefined;
  }

  onDialled(): void {
    // It waits until it is known whether it is wanted.
  }

  /**
   * An endpoint that speaks first, and not with HTTP/2's SETTINGS, speaks to no HTTP/2 client: there is nothing to wait for. Nor
   * is there when it ends.
   */
  onGreeting(): void {
    if (!this.#owner.isSilent) return;
    const { greeting, ended } = this.#dial!;
    const { bytes } = this.#services.context.engine.slab;
    if (ended || !mayBeSettings(bytes, greeting.start, greeting.octets)) this.#owner.endpointSpoke();
  }

  onDialFailed(reason: DialFailure): void {
    this.#dial = undefined;
    this.#owner.dialFailed(reason);
  }
}
