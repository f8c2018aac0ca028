import { NO_ROUTE } from "../../route/authority-table.ts";
import { TunnelResult } from "../../telemetry/port-cell.ts";
import type { Origin } from "../callers/origin.ts";
import { expandShortName } from "../callers/short-names.ts";
import { AuthorityWait } from "./authority-wait.ts";
import type { DialOwner } from "./endpoint-dial.ts";
import { EndpointDial } from "./endpoint-dial.ts";
import { findForeignAddress } from "./find-foreign-address.ts";
import type { ListenerDoor } from "./listener-door.ts";
import type { LocalAnswer } from "./local-answer.ts";
import { ANSWERS } from "./local-answer.ts";
import type { PortServices } from "./port-services.ts";
import type { RequestHead } from "./request-head.ts";
import { HeadState } from "./request-head.ts";
import type { TunnelTarget } from "./tunnel-target.ts";
import { parseTunnelTarget } from "./tunnel-target.ts";

const CONNECT_TIMEOUT_MS = 5_000;

/** The connection a {@link TunnelRequest} came on. */
export interface TunnelClient {
  /** Whether the client has gone. */
  readonly isClosed: boolean;
  readonly caller: { readonly address: string };
  /** What the accept of a captured connection says. */
  readonly origin: Origin | undefined;
  /** Says something; then closes, or does what is given once it has left. */
  answer(answer: LocalAnswer, then?: () => void): void;
  /** The client is not read until {@link answer}. */
  wait(): void;
  /** The connection is for this cluster from now on, NO_ROUTE for none; what it speaks has to be found out again. */
  enterCluster(clusterSlot: number): void;
  /** The connection is passed on as it is. */
  spliceTo(dial: EndpointDial): void;
}

/** A CONNECT request: to one of our clusters, or, where the listener allows it, to another address. */
export class TunnelRequest implements DialOwner {
  readonly #services: PortServices;
  readonly #door: ListenerDoor;
  readonly #client: TunnelClient;
  #dial: EndpointDial | undefined;
  #wait: AuthorityWait | undefined;

  constructor(services: PortServices, door: ListenerDoor, client: TunnelClient) {
    this.#services = services;
    this.#door = door;
    this.#client = client;
  }

  /** @param head read as far as it will be. */
  open(head: RequestHead): void {
    if (head.state !== HeadState.complete || head.hasBody) {
      const answer = head.state === HeadState.tooLarge ? ANSWERS.headTooLarge : ANSWERS.badRequest;
      return this.#refuse(TunnelResult.malformed, answer);
    }
    const parsed = parseTunnelTarget(head.target);
    const target = parsed && this.#inNamespace(parsed);
    if (target === undefined) return this.#refuse(TunnelResult.malformed, ANSWERS.badTarget);
    const slot = this.#services.hosts.findTarget(target.host, target.port);
    if (slot !== NO_ROUTE) return this.#enter(slot);
    const { context } = this.#services;
    const host = target.host.includes(":") ? `[${target.host}]` : target.host;
    this.#wait = new AuthorityWait(context, this.#client.caller.address, () => this.#openAsked(target));
    if (this.#wait.begin(`${host}:${target.port}`)) this.#client.wait();
    else this.#openAsked(target);
  }

  /** A name of one label is one of the caller's namespace, where that is known. */
  #inNamespace(target: TunnelTarget): TunnelTarget {
    const { pod } = this.#client.origin ?? {};
    if (pod === undefined || target.address !== undefined) return target;
    return { ...target, host: expandShortName(target.host, pod.namespace) };
  }

  /** Whoever may know has been asked. */
  #openAsked(target: TunnelTarget): void {
    const { hosts, context } = this.#services;
    const slot = hosts.findTarget(target.host, target.port);
    if (slot !== NO_ROUTE) return this.#enter(slot);
    // Routes say where its requests go: each by the name it gives itself, as without a tunnel.
    if (context.askedAuthorities?.isRouted(this.#wait!.authority) === true) return this.#enter(NO_ROUTE);
    void this.#openForeign(target);
  }

  #enter(slot: number): void {
    this.#services.countTunnel(TunnelResult.cluster);
    this.#client.enterCluster(slot);
  }

  async #openForeign(target: TunnelTarget): Promise<void> {
    const { context, picker, own, lookup } = this.#services;
    this.#client.wait();
    const { result, address } = await findForeignAddress(target, this.#door.guard, own, lookup);
    if (this.#client.isClosed) return;
    if (result === TunnelResult.allowed) {
      const foreign = { address, port: target.port, connectTimeoutMs: CONNECT_TIMEOUT_MS };
      this.#dial = new EndpointDial(context, picker, foreign, this);
    } else if (result === TunnelResult.unresolved) {
      this.#refuse(result, ANSWERS.unreachable);
    } else {
      this.#refuse(result, result === TunnelResult.busy ? ANSWERS.busy : ANSWERS.notAllowed);
    }
  }

  onDialled(): void {
    this.#services.countTunnel(TunnelResult.allowed);
    this.#client.answer(ANSWERS.established, () => {
      const dial = this.#dial;
      this.#dial = undefined;
      // It may be gone again by now.
      if (dial !== undefined) this.#client.spliceTo(dial);
    });
  }

  onGreeting(): void {
    // It goes to the client behind the answer.
  }

  onDialFailed(): void {
    const wasConnected = this.#dial?.connected === true;
    this.#dial = undefined;
    // Behind a 200 no other answer may come.
    if (wasConnected) this.#client.answer(ANSWERS.established);
    else this.#refuse(TunnelResult.unreachable, ANSWERS.unreachable);
  }

  /** The client has gone. */
  abandon(): void {
    this.#wait?.cancel();
    this.#dial?.abandon();
    this.#dial = undefined;
  }

  #refuse(result: TunnelResult, answer: LocalAnswer): void {
    this.#services.countTunnel(result);
    this.#client.answer(answer);
  }
}
