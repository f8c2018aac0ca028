import { NO_ROUTE } from "../../route/authority-table.ts";
import { PortRefusal } from "../../telemetry/port-cell.ts";
import { DownstreamProtocol } from "../../telemetry/worker-counters.ts";
import { CALLER_PATH, callerAnswer, KEYS_PATH, keysAnswer } from "../callers/caller-answer.ts";
import type { Origin } from "../callers/origin.ts";
import { HelloState, readClientHello } from "./client-hello.ts";
import { Detected, detectProtocol } from "./detect-protocol.ts";
import { isGrpcWeb, routeOfHost } from "./first-octets.ts";
import type { HeldOctets } from "./held-octets.ts";
import type { ListenerProtocol } from "./listener-door.ts";
import type { LocalAnswer } from "./local-answer.ts";
import { ANSWERS } from "./local-answer.ts";
import type { PortServices } from "./port-services.ts";
import type { RequestHead } from "./request-head.ts";
import { HeadState, readRequestHead } from "./request-head.ts";

/** What is to become of a connection, by what it began with. */
export type Judgement =
  /** More has to come first. */
  | { readonly kind: "wait" }
  | { readonly kind: "http2" }
  /** HTTP/1.1 that is handled request by request. */
  | { readonly kind: "http1" }
  | { readonly kind: "tunnel"; readonly head: RequestHead }
  /** A pod asks the node's own address. */
  | { readonly kind: "own"; readonly answer: LocalAnswer }
  /** Somebody may know where this leads. */
  | { readonly kind: "ask"; readonly authority: string }
  /** Passed on unchanged. */
  | { readonly kind: "endpoint"; readonly protocol: DownstreamProtocol; readonly clusterSlot: number }
  | { readonly kind: "refuse"; readonly reason: PortRefusal; readonly answer?: LocalAnswer };

const WAIT: Judgement = { kind: "wait" };
const TLS_PORT = 443;

/** What is known of a connection beside what it said. */
export interface KnownOfConnection {
  /** Its own cluster, or NO_ROUTE. */
  readonly clusterSlot: number;
  /** No more octets will come. */
  readonly ended: boolean;
  /** Somebody may be asked for names that are not known. */
  readonly mayAsk: boolean;
  /** What the accept says, for captured connections. */
  readonly origin: Origin | undefined;
}

/**
 * Judges the first octets of a connection, at least one. A connection's own cluster decides where it leads: neither a server
 * name nor Host leads elsewhere, and CONNECT is a request like any other, for the service behind it.
 */
export function judgeOctets(
  services: PortServices,
  declared: ListenerProtocol,
  held: HeldOctets,
  known: KnownOfConnection,
): Judgement {
  const { bytes } = services.context.engine.slab;
  const { clusterSlot, ended, origin } = known;
  const detected = detectProtocol(bytes, held.start, held.octets);
  if (detected === Detected.undecided && !ended) return WAIT;
  if (declared === "tls") {
    // In particular nothing may pass unread as TLS that is none, to endpoints that are to be reached by TLS only.
    if (detected !== Detected.tls) return { kind: "refuse", reason: PortRefusal.malformed };
    return judgeHello(services, held, known);
  }
  if (clusterSlot === NO_ROUTE && origin !== undefined && origin.service !== "") {
    // The address it came to has said what it is for, and there is no such service: no name says otherwise.
    if (detected === Detected.http2) return { kind: "http2" };
    return { kind: "refuse", reason: PortRefusal.noCluster };
  }
  if (detected === Detected.connect && clusterSlot === NO_ROUTE) {
    const head = readRequestHead(bytes, held.start, held.octets);
    return head.state === HeadState.incomplete && !ended ? WAIT : { kind: "tunnel", head };
  }
  if (declared === "http1") return judgeRequest(services, held, known);
  switch (detected) {
    case Detected.http2:
      return { kind: "http2" };
    case Detected.tls:
      return judgeHello(services, held, known);
    case Detected.connect:
    case Detected.http1:
      return judgeRequest(services, held, known);
    default:
      return clusterSlot === NO_ROUTE
        ? { kind: "refuse", reason: PortRefusal.unknownProtocol }
        : { kind: "endpoint", protocol: DownstreamProtocol.tcp, clusterSlot };
  }
}

function judgeHello(
  { context, hosts }: PortServices,
  held: HeldOctets,
  { clusterSlot, ended, mayAsk }: KnownOfConnection,
): Judgement {
  const protocol = DownstreamProtocol.tls;
  if (clusterSlot !== NO_ROUTE) return { kind: "endpoint", protocol, clusterSlot };
  const hello = readClientHello(context.engine.slab.bytes, held.start, held.octets);
  if (hello.state === HelloState.incomplete && !ended) return WAIT;
  if (hello.state !== HelloState.complete) return { kind: "refuse", reason: PortRefusal.malformed };
  const named = hello.serverName === "" ? NO_ROUTE : hosts.findHost(hello.serverName, TLS_PORT);
  if (named !== NO_ROUTE) return { kind: "endpoint", protocol, clusterSlot: named };
  // A server name has no port; the one that TLS has by itself is all that can be asked for.
  if (mayAsk && hello.serverName !== "") return { kind: "ask", authority: `${hello.serverName}:${TLS_PORT}` };
  return { kind: "refuse", reason: PortRefusal.noCluster };
}

function judgeRequest(
  { context, hosts }: PortServices,
  held: HeldOctets,
  { clusterSlot, ended, mayAsk, origin }: KnownOfConnection,
): Judgement {
  const head = readRequestHead(context.engine.slab.bytes, held.start, held.octets);
  if (head.state === HeadState.incomplete && !ended) return WAIT;
  if (origin?.pod !== undefined && clusterSlot === NO_ROUTE) {
    if (head.target === CALLER_PATH) return { kind: "own", answer: callerAnswer(origin.pod) };
    if (head.target === KEYS_PATH) {
      return { kind: "own", answer: keysAnswer(context.identity?.publicKeys() ?? "") };
    }
  }
  let slot = clusterSlot;
  if (slot === NO_ROUTE) {
    if (head.state !== HeadState.complete) {
      const answer = head.state === HeadState.tooLarge ? ANSWERS.headTooLarge : ANSWERS.badRequest;
      return { kind: "refuse", reason: PortRefusal.malformed, answer };
    }
    if (head.host !== "") slot = routeOfHost(head.host, hosts);
    if (slot === NO_ROUTE) {
      if (context.routes?.speaksOf(NO_ROUTE, head.host) === true) return { kind: "http1" };
      if (mayAsk && head.host !== "") return { kind: "ask", authority: head.host };
      return { kind: "refuse", reason: PortRefusal.noCluster, answer: ANSWERS.noCluster };
    }
  }
  const { h2UpgradePolicy = "DEFAULT", tlsIdentity = 0, protocol } = context.clusters[slot]?.snapshot ?? {};
  // Who speaks TLS to its endpoints does not pass HTTP/1.1 on unread either: by ALPN they may want something else.
  const isSecured = tlsIdentity !== 0 && protocol !== "tcp";
  if (isSecured || h2UpgradePolicy !== "DEFAULT" || isGrpcWeb(head)) return { kind: "http1" };
  // Where endpoints are told who calls, no caller may tell them himself: what is passed on octet by octet is not looked into.
  if (context.identity !== undefined && origin?.pod !== undefined && protocol !== "tcp")
    return { kind: "http1" };
  // A route may want each request elsewhere. Where endpoints speak HTTP/2, what is not gRPC is nothing that routes are about.
  if (protocol === "http1" && context.routes?.speaksOf(slot, "") === true) return { kind: "http1" };
  return { kind: "endpoint", protocol: DownstreamProtocol.http1, clusterSlot: slot };
}
