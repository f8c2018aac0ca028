import type { RequestHead } from "./request-head.ts";

/** Fields that are about one connection, and go no further. Source: RFC 9110 §7.6.1, RFC 9113 §8.2.2. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);
/** Fields of a request that are written anew from what the head as a whole says. */
const WRITTEN_ANEW: ReadonlySet<string> = new Set(["host", "content-length", "expect"]);
/** Fields that are meant for the proxy alone, or that nobody but the proxy may say. Gateways (CGI, WSGI) read `_` as `-`. */
const PROXYS_OWN = /^x[-_]isobar[-_](?:explain|caller)$/;

/** @param name in lower case. @returns whether the field of a request, or of its trailers, goes no further. */
export function isProxysOwn(name: string): boolean {
  return PROXYS_OWN.test(name);
}

/** @returns names and values by turns: the fields of a request that travel on with it, whatever carries it. */
export function endToEndRequestFields(head: RequestHead): string[] {
  const { fields, nominated } = head;
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (HOP_BY_HOP.has(name) || WRITTEN_ANEW.has(name) || nominated.includes(name)) continue;
    if (isProxysOwn(name)) continue;
    kept.push(name, fields[i + 1]!);
  }
  return kept;
}

/**
 * @param raw names and values by turns, as Node tells them; HTTP/2 pseudo-header fields among them.
 * @returns the fields of a response that travel on with it, names in lower case.
 */
export function endToEndResponseFields(raw: readonly string[]): string[] {
  const nominated: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]!.toLowerCase() === "connection") {
      nominated.push(...raw[i + 1]!.toLowerCase().split(/[ \t]*,[ \t]*/));
    }
  }
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (name.startsWith(":") || HOP_BY_HOP.has(name) || nominated.includes(name)) continue;
    kept.push(name, raw[i + 1]!);
  }
  return kept;
}
