import { continuation, data, headers } from "../support/frames.ts";
import type { Fields } from "../support/literal-block.ts";
import { literalBlock, RESPONSE, TRAILERS } from "../support/literal-block.ts";

/**
 * What becomes of a server's fault: `stream:CODE`, the request's stream is reset with that code and no other suffers;
 * `connection:CODE`, the connection is ended with that code, and only it; `ok`, it is no fault, or one that is let pass.
 */
export type Verdict = `stream:${string}` | `connection:${string}` | "ok";

/** What a server says in answer to a request on stream `id`; streams below it are in progress. */
export type Fault = (id: number) => readonly Uint8Array[];

/** Where the rule is (RFC 9113, unless said otherwise), what the server does, and what becomes of it. */
export type FaultRow = readonly [
  rule: string,
  title: string,
  verdict: Verdict,
  fault: Fault,
  /** `length`: the client knows the body's length, and can only be told by a reset; `slow`: it reads slowly. */
  kind?: "length" | "slow",
];

export const NOTHING = Buffer.alloc(0);

export function response(fields: Fields, end = false): Fault {
  return (id) => [headers(id, literalBlock(fields), { end })];
}

export function withField(name: string, value: string): Fault {
  return response({ ...RESPONSE, [name]: value }, true);
}

export const start = (id: number): Uint8Array => headers(id, literalBlock(RESPONSE));
export const end = (id: number): Uint8Array => headers(id, literalBlock(TRAILERS), { end: true });

/** An answer with something in its midst. */
export function amid(...octets: readonly Uint8Array[]): Fault {
  return (id) => [start(id), ...octets, end(id)];
}

/** An answer with something about its stream in its midst. */
export function amidStream(make: (id: number) => Uint8Array): Fault {
  return (id) => [start(id), make(id), end(id)];
}

/** A header block as it is, whatever is wrong with it. */
export function rawBlock(...octets: number[]): Fault {
  return (id) => [headers(id, Buffer.of(...octets))];
}

export function trailers(fields: Fields, ends = true): Fault {
  return (id) => [start(id), headers(id, literalBlock(fields), { end: ends })];
}

/** Sets the reserved bit of a frame's stream id. */
export function raise(octets: Uint8Array): Uint8Array {
  const raised = Buffer.from(octets);
  raised[5]! |= 0x80;
  return raised;
}

export function inPieces(id: number, block: Buffer, octets: number, end = false): Uint8Array[] {
  const pieces = [headers(id, block.subarray(0, octets), { more: true, end })];
  for (let at = octets; at < block.length; at += octets) {
    pieces.push(continuation(id, block.subarray(at, at + octets), { more: at + octets < block.length }));
  }
  return pieces;
}

export function bulk(id: number, octets: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let left = octets; left > 0; left -= 16_000)
    frames.push(data(id, Buffer.alloc(Math.min(left, 16_000))));
  return frames;
}
