import { feedOwner } from "../../net/feed-owner.ts";
import type { Transport, TransportOwner } from "../../net/transport.ts";
import { NO_ROUTE } from "../../route/authority-table.ts";
import { PortRefusal } from "../../telemetry/port-cell.ts";
import { DownstreamProtocol } from "../../telemetry/worker-counters.ts";
import { ASKING, enterService } from "../callers/enter-service.ts";
import type { Origin } from "../callers/origin.ts";
import type { Caller } from "../guard/caller.ts";
import type { GuardedArrival } from "../guard/guarded-arrival.ts";
import { AnswerWriter } from "./answer-writer.ts";
import { Stage } from "./arrival-stage.ts";
import { AuthorityWait } from "./authority-wait.ts";
import { ClusterPin } from "./cluster-pin.ts";
import { Detected, detectProtocol } from "./detect-protocol.ts";
import type { EarlyDialOwner } from "./early-dial.ts";
import { EarlyDial } from "./early-dial.ts";
import type { DialFailure, EndpointDial } from "./endpoint-dial.ts";
import { isClientsFault, refusalOf } from "./first-octets.ts";
import type { Http1Candidate } from "./hand-to-http1.ts";
import { handToHttp1 } from "./hand-to-http1.ts";
import { HeldOctets } from "./held-octets.ts";
import { judgeOctets } from "./judge-octets.ts";
import type { ListenerDoor, ListenerProtocol } from "./listener-door.ts";
import type { LocalAnswer } from "./local-answer.ts";
import { ANSWERS } from "./local-answer.ts";
import { PatientTimer } from "./patient-timer.ts";
import type { ArrivalHooks, PortServices } from "./port-services.ts";
import { ProtocolGauge } from "./protocol-gauge.ts";
import type { RequestHead } from "./request-head.ts";
import type { SpliceOwner } from "./splice.ts";
import { Splice } from "./splice.ts";
import type { TunnelClient } from "./tunnel-request.ts";
import { TunnelRequest } from "./tunnel-request.ts";

/** A client's connection from the accept until it is known what it speaks and where it leads; and the account of it after that. */
export class Arrival
  implements GuardedArrival, TransportOwner, EarlyDialOwner, SpliceOwner, TunnelClient, Http1Candidate
{
  readonly caller: Caller;
  readonly origin: Origin | undefined;
  readonly #services: PortServices;
  readonly #door: ListenerDoor;
  readonly #hooks: ArrivalHooks;
  readonly #transport: Transport;
  readonly #held: HeldOctets;
  #stage: Stage = Stage.detecting;
  /** The connection's own cluster. */
  readonly #pin: ClusterPin;
  #inTunnel = false;
  #clientEnded = false;
  isClosed = false;
  readonly #gauge: ProtocolGauge;
  readonly #timer = new PatientTimer();
  readonly #dial: EarlyDial;
  #tunnel: TunnelRequest | undefined;
  #splice: Splice | undefined;
  readonly #writer: AnswerWriter;
  readonly #wait: AuthorityWait;

  constructor(
    services: PortServices,
    door: ListenerDoor,
    hooks: ArrivalHooks,
    openTransport: (owner: TransportOwner) => Transport,
  ) {
    this.#services = services;
    this.#door = door;
    this.#hooks = hooks;
    this.caller = hooks.caller;
    this.origin = hooks.origin;
    this.#held = new HeldOctets(services.context.engine.slab);
    this.#dial = new EarlyDial(services, this);
    this.#pin = new ClusterPin(services.context);
    this.#gauge = new ProtocolGauge(services.context);
    this.#wait = new AuthorityWait(services.context, hooks.caller.address, () => this.#readOn());
    services.arrivals.add(this);
    this.#transport = openTransport(this);
    this.#writer = new AnswerWriter(services.context.engine.slab, this.#transport);
    if (this.#service !== "") this.#enterService();
    else if (door.hasCluster && door.clusterSlot === NO_ROUTE) this.refuse(PortRefusal.noCluster);
    else this.#begin(door.clusterSlot);
  }

  /** The service of a captured connection, which its address says; "" for others, and inside a tunnel. */
  get #service(): string {
    return this.#inTunnel ? "" : (this.origin?.service ?? "");
  }

  #enterService(): void {
    const slot = enterService(this.#services.context, this.#service, this.#wait);
    if (slot === ASKING) this.wait();
    else this.#begin(slot);
  }

  /** Begins to find out what the connection speaks, at its start and again inside a tunnel. */
  #begin(clusterSlot: number): void {
    this.#pin.set(clusterSlot);
    this.#wait.renew();
    this.#stage = Stage.detecting;
    const { tlsIdentity = 0, protocol } = this.#services.context.clusters[clusterSlot]?.snapshot ?? {};
    const declared = this.#declared;
    if (declared === "http2") {
      this.#toHttp2(0);
    } else if (declared === "tcp" || (declared === "auto" && protocol === "tcp")) {
      this.#toEndpoint(DownstreamProtocol.tcp, this.#pin.slot);
    } else if (declared === "auto" && clusterSlot !== NO_ROUTE) {
      const { dialAfterMs, tunnelDialAfterMs, silenceMs } = this.#services.limits;
      const afterMs = tlsIdentity !== 0 ? silenceMs : this.#inTunnel ? tunnelDialAfterMs : dialAfterMs;
      this.#timer.set(afterMs, () => this.#dialEarly(silenceMs - afterMs));
    } else {
      this.#timer.set(this.#services.limits.headLimitMs, () => this.#tooLate());
    }
  }

  /** @param restMs until silence is an answer. */
  #dialEarly(restMs: number): void {
    this.#services.context.tick();
    this.#dial.begin(this.#pin.slot);
    // From then on it counts as TCP, and what the endpoint says is the client's. A client of HTTP/2 that was slow to begin
    // (a throttled pod, a cold virtual machine) is served as such all the same.
    this.#timer.set(restMs, () => this.#gauge.set(DownstreamProtocol.tcp));
  }

  #tooLate(): void {
    if (this.#held.octets === 0) this.refuse(PortRefusal.silent);
    else if (this.#pin.slot !== NO_ROUTE) this.#toEndpoint(DownstreamProtocol.tcp, this.#pin.slot);
    else this.refuse(PortRefusal.headTimeout);
  }

  onRead(length: number): void {
    if (this.#stage === Stage.closing) return;
    const { context } = this.#services;
    context.tick();
    const { offset } = context.area;
    const isNew = this.#held.octets === 0;
    if (isNew && this.#stage === Stage.detecting && this.#declared === "auto") {
      const { bytes } = context.engine.slab;
      if (detectProtocol(bytes, offset, length) === Detected.http2) return this.#toHttp2(length);
    }
    if (!this.#held.append(offset, length)) return this.refuse(PortRefusal.overBudget);
    // A carrier may tell once more after a pause.
    if (this.#stage !== Stage.detecting) return this.#transport.pause();
    if (isNew) this.#timer.set(this.#services.limits.headLimitMs, () => this.#tooLate());
    this.#examine();
  }

  get #declared(): ListenerProtocol {
    return this.#inTunnel ? "auto" : this.#door.protocol;
  }

  #examine(): void {
    if (this.#held.octets === 0) return;
    const { origin } = this;
    const { mayAsk } = this.#wait;
    const known = { clusterSlot: this.#pin.slot, ended: this.#clientEnded, mayAsk, origin };
    const judgement = judgeOctets(this.#services, this.#declared, this.#held, known);
    switch (judgement.kind) {
      case "wait":
        return;
      case "http2":
        return this.#toHttp2(this.#held.toArea(this.#services.context.area));
      case "http1":
        return this.#toHttp1();
      case "tunnel":
        // One is enough: within another it would lead nowhere else.
        if (this.#inTunnel) return this.refuse(PortRefusal.malformed, ANSWERS.badRequest);
        return this.#toTunnel(judgement.head);
      case "own":
        return this.answer(judgement.answer);
      case "ask":
        return this.#ask(judgement.authority);
      case "endpoint":
        return this.#toEndpoint(judgement.protocol, judgement.clusterSlot);
      case "refuse":
        return this.refuse(judgement.reason, judgement.answer);
    }
  }

  #toTunnel(head: RequestHead): void {
    this.#timer.clear();
    this.#held.skip(head.octets);
    this.#tunnel = new TunnelRequest(this.#services, this.#door, this);
    this.#tunnel.open(head);
  }

  enterCluster(clusterSlot: number): void {
    this.#inTunnel = true;
    // Held from here on, so that it is the same cluster when the answer has left.
    this.#pin.set(clusterSlot);
    this.answer(ANSWERS.established, () => {
      this.#begin(clusterSlot);
      if (this.#stage === Stage.detecting) this.#readOn();
    });
  }

  #ask(authority: string): void {
    this.#timer.clear();
    if (this.#wait.begin(authority)) this.wait();
    else this.#examine();
  }

  #readOn(): void {
    if (this.#service !== "") this.#enterService();
    this.#stage = Stage.detecting;
    this.#transport.resume();
    if (this.#held.octets > 0) this.#timer.set(this.#services.limits.headLimitMs, () => this.#tooLate());
    this.#examine();
  }

  spliceTo(dial: EndpointDial): void {
    this.#toSplice(DownstreamProtocol.tcp, dial);
  }

  wait(): void {
    this.#stage = Stage.waiting;
    this.#transport.pause();
  }

  get isSilent(): boolean {
    return this.#stage === Stage.detecting && this.#held.octets === 0;
  }

  endpointSpoke(): void {
    this.#toEndpoint(DownstreamProtocol.tcp, this.#pin.slot);
  }

  /** Who speaks by the time silence counts is dialled for again, or served as HTTP/2; who does not has nobody to listen to. */
  dialFailed(reason: DialFailure): void {
    if (this.#held.octets === 0)
      this.#timer.set(this.#services.limits.silenceMs, () => this.refuse(refusalOf(reason)));
  }

  /** The connection speaks HTTP/2; `length` octets of it stand in the read area. */
  #toHttp2(length: number): void {
    const { arrivals, context } = this.#services;
    this.#timer.clear();
    this.#dial.abandon();
    this.#stage = Stage.handedOver;
    this.#gauge.set(-1);
    arrivals.delete(this);
    const open = (owner: TransportOwner): Transport => {
      this.#transport.adopt(owner);
      return this.#transport;
    };
    // Requests of a captured connection are told apart by the service's name, which outlives its cluster.
    const owner = this.#hooks.openHttp2(open, this.#service === "" ? this.#pin.slot : NO_ROUTE);
    feedOwner(context.area, owner, length);
  }

  /** The connection is passed on as it is, to an endpoint of the cluster. */
  #toEndpoint(protocol: DownstreamProtocol, clusterSlot: number): void {
    this.#services.context.tick();
    this.#toSplice(protocol, this.#dial.take(clusterSlot, protocol === DownstreamProtocol.tls));
  }

  #toSplice(protocol: DownstreamProtocol, dial: EndpointDial): void {
    this.#timer.clear();
    this.#stage = Stage.spliced;
    this.#gauge.set(protocol);
    const { context } = this.#services;
    this.#splice = new Splice(context, this.#transport, this.#held, this.#clientEnded, dial, this);
  }

  spliceFailed(reason: DialFailure): void {
    this.#splice = undefined;
    this.#transport.adopt(this);
    const isHttp1 = this.#gauge.protocol === DownstreamProtocol.http1;
    this.refuse(refusalOf(reason), isHttp1 ? ANSWERS.unavailable : undefined);
  }

  spliceGone(): void {
    this.#splice = undefined;
    this.#gone();
  }

  #toHttp1(): void {
    this.#timer.clear();
    this.#dial.abandon();
    this.wait();
    this.#gauge.set(DownstreamProtocol.http1);
    const goods = {
      transport: this.#transport,
      held: this.#held,
      pin: this.#pin,
      source: this.caller.address,
      pod: this.origin?.pod,
      listener: this.#door.name,
      onGone: () => this.#gone(),
    };
    void handToHttp1(this, goods, () => this.#services.http1());
  }

  handedOver(): void {
    this.#stage = Stage.handedOver;
  }

  /** Says something of our own; then closes, or does what is given. */
  answer(answer: LocalAnswer, then?: () => void): void {
    this.#timer.clear();
    this.#stage = Stage.waiting;
    if (!this.#writer.write(answer)) this.#close();
    else if (then === undefined) this.#end();
    else if (!this.#writer.whenLeft(then)) this.#transport.pause();
  }

  onReleased(): void {
    this.#writer.released();
  }

  onConnected(): void {
    // Accepted connections stand from the start.
  }

  onEnd(): void {
    this.#clientEnded = true;
    if (this.#stage !== Stage.detecting) return;
    // No more comes: what is there has to do. A client of a protocol whose server speaks first may end at once, too.
    if (this.#held.octets > 0) this.#examine();
    if (this.#stage !== Stage.detecting) return;
    if (this.#pin.slot === NO_ROUTE) this.#close();
    else this.#toEndpoint(DownstreamProtocol.tcp, this.#pin.slot);
  }

  onClose(): void {
    this.#gone();
  }

  /** @param answer what the client is told; without it, it sees its connection end, or that it came to nothing. */
  refuse(reason: PortRefusal, answer?: LocalAnswer): void {
    this.#services.countRefusal(reason);
    if (answer !== undefined) this.answer(answer);
    else if (isClientsFault(reason)) this.#end();
    else this.#close();
  }

  /** An orderly end, with what still comes read out: unread octets would make it a reset. */
  #end(): void {
    this.#timer.clear();
    this.#dial.abandon();
    this.#held.free();
    this.#stage = Stage.closing;
    this.#transport.resume();
    this.#transport.end(this.#services.limits.lingerMs);
  }

  #close(): void {
    this.#timer.clear();
    this.#stage = Stage.closing;
    this.#transport.destroy(true);
  }

  #gone(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#timer.clear();
    this.#dial.abandon();
    this.#tunnel?.abandon();
    this.#wait.cancel();
    this.#held.free();
    this.#writer.free();
    this.#gauge.set(-1);
    this.#pin.set(NO_ROUTE);
    this.#services.arrivals.delete(this);
    this.#hooks.onGone();
  }

  get heldOctets(): number {
    return this.#splice?.heldOctets ?? this.#held.octets;
  }

  get closing(): boolean {
    return this.#splice?.closing ?? this.#stage === Stage.closing;
  }

  /** The proxy is leaving: who has said nothing yet is told so as a client of HTTP/2, because most are. */
  drain(): void {
    if (this.isSilent && this.#declared === "auto" && this.#pin.slot === NO_ROUTE) this.#toHttp2(0);
  }

  /** Closes a spliced connection that nobody has used for long. */
  sweep(nowMs: number): void {
    if (this.#splice !== undefined && nowMs - this.#splice.activeMs > this.#services.limits.spliceIdleMs)
      this.#splice.close(false);
  }

  /** Its address has another owner: closes at once, whoever handles what comes on it. */
  displace(): void {
    if (this.#splice === undefined) this.#close();
    else this.#splice.close(true);
  }

  /** Closes at once. @returns whether something was under way. */
  cutOff(): boolean {
    const isUnderWay = this.#splice !== undefined;
    if (this.#stage !== Stage.handedOver) this.displace();
    return isUnderWay;
  }
}
