import type { HostIndex } from "../../route/host-index.ts";
import { PortRefusal } from "../../telemetry/port-cell.ts";
import type { DialFailure } from "./endpoint-dial.ts";
import type { RequestHead } from "./request-head.ts";

const HTTP_PORT = 80;

/** Whether a request, or the CORS preflight of one, is of gRPC-Web. */
export function isGrpcWeb(head: RequestHead): boolean {
  if (head.contentType.startsWith("application/grpc-web")) return true;
  return head.method === "OPTIONS" && head.preflightHeaders.includes("grpc");
}

/** @returns the route of a request's Host, whose port is 80 where none is said; NO_ROUTE for none. */
export function routeOfHost(host: string, hosts: HostIndex): number {
  const [, name = "", port = ""] = /^(.*?)(?::([0-9]+))?$/.exec(host) ?? [];
  return hosts.findTarget(name.replace(/^\[|\]$/g, ""), Number(port || HTTP_PORT));
}

/** @returns as what a dial that came to nothing is counted. */
export function refusalOf(reason: DialFailure): PortRefusal {
  return reason === "no_endpoint" ? PortRefusal.noEndpoint : PortRefusal.connectFailure;
}

/** Whether a connection is refused for what it began with, or did not: it ends in order. Others look like a refused connection. */
export function isClientsFault(reason: PortRefusal): boolean {
  return (
    reason === PortRefusal.silent ||
    reason === PortRefusal.unknownProtocol ||
    reason === PortRefusal.malformed ||
    reason === PortRefusal.headTimeout
  );
}

/** Whether octets are, or may become, the head of HTTP/2's SETTINGS on stream 0 (RFC 9113 §4.1, §6.5). */
export function mayBeSettings(bytes: Uint8Array, start: number, octets: number): boolean {
  for (let i = 3; i < Math.min(octets, 9); i++) {
    // Type 4; flags and the four octets of the stream are 0.
    if (bytes[start + i] !== (i === 3 ? 4 : 0)) return false;
  }
  return true;
}
