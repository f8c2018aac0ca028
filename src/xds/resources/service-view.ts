import { hashText } from "../../lb/subset/hash-text.ts";
import type { Decoded } from "./resource-problem.ts";
import { decodeGuarded, ResourceProblem } from "./resource-problem.ts";
import { WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

/**
 * What is known of all callers of one service together, a resource of our own named as its cluster. The same for every proxy, so that it is encoded
 * once: each takes its own part off.
 *
 *     message isobar.v1.ServiceView {
 *       string name = 1; bool removed = 2; uint32 reporters = 3; uint64 millirequests_per_second = 4;
 *       uint32 age_ms = 5; repeated fixed32 endpoints = 6 [packed]; repeated uint32 streams = 7 [packed]; uint32 sequence = 8;
 *     }
 */
export interface ServiceView {
  readonly name: string;
  /** The service was taken away, and an object or a file said so: there is nothing to wait for. */
  readonly removed: boolean;
  /** Callers that report their load of it and have had any lately. */
  readonly reporters: number;
  /** Requests that all of them began per second; 0 where only one reports. */
  readonly requestsPerSecond: number;
  /** How long ago the streams were counted, on average, when this was made. */
  readonly ageMs: number;
  /** Streams in flight by {@link endpointHash}; what is not in it has none. */
  readonly streams: ReadonlyMap<number, number>;
  /** Makes equal counts of another moment another version. */
  readonly sequence: number;
}

/** A view that says nothing yet. */
export const EMPTY_SERVICE_VIEW: Omit<ServiceView, "name"> = {
  removed: false,
  reporters: 0,
  requestsPerSecond: 0,
  ageMs: 0,
  streams: new Map(),
  sequence: 0,
};

/**
 * What an endpoint is called in a view. By its address, because that is all that load reports have; who has the address a moment later is given the load of
 * its former owner until the next report.
 *
 * @param address an IP literal as the control plane writes it.
 */
export function endpointHash(address: string, port: number): number {
  return hashText(`${address} ${port}`);
}

/** @returns the message's octets. */
export function encodeServiceView(view: ServiceView): Buffer {
  const { name, removed, reporters, requestsPerSecond, ageMs, streams, sequence } = view;
  const writer = new WireWriter()
    .string(1, name)
    .number(2, removed ? 1 : 0)
    .number(3, reporters)
    .number(4, Math.round(requestsPerSecond * 1_000))
    .number(5, Math.round(ageMs));
  if (streams.size > 0) {
    const hashes = Buffer.allocUnsafe(streams.size * 4);
    const counts = Buffer.allocUnsafe(streams.size * 5);
    let i = 0;
    let end = 0;
    for (const [hash, count] of streams) {
      hashes.writeUInt32LE(hash, 4 * i++);
      let rest = Math.min(count, 0xffffffff) >>> 0;
      for (; rest >= 0x80; rest >>>= 7) counts[end++] = (rest & 0x7f) | 0x80;
      counts[end++] = rest;
    }
    writer.octets(6, hashes).octets(7, counts.subarray(0, end));
  }
  return writer.number(8, sequence).finish();
}

/** Reads a ServiceView. */
export function decodeServiceView(octets: Uint8Array): Decoded<ServiceView> {
  return decodeGuarded("ServiceView", () => {
    const view = { name: "", ...EMPTY_SERVICE_VIEW, streams: new Map<number, number>() };
    let hashes: Buffer = Buffer.alloc(0);
    let counts: Buffer = Buffer.alloc(0);
    const reader = new WireReader(octets);
    while (reader.next()) {
      if (reader.field === 1) view.name = reader.string();
      else if (reader.field === 2) view.removed = reader.number() !== 0;
      else if (reader.field === 3) view.reporters = reader.number();
      else if (reader.field === 4) view.requestsPerSecond = reader.number() / 1_000;
      else if (reader.field === 5) view.ageMs = reader.number();
      else if (reader.field === 6) hashes = reader.octets();
      else if (reader.field === 7) counts = reader.octets();
      else if (reader.field === 8) view.sequence = reader.number();
      else reader.skip();
    }
    readStreams(hashes, counts, view.streams);
    return view;
  });
}

function readStreams(hashes: Buffer, counts: Buffer, into: Map<number, number>): void {
  let at = 0;
  for (let i = 0; i + 4 <= hashes.length; i += 4) {
    let count = 0;
    let scale = 1;
    let octet = 0x80;
    while (octet >= 0x80 && at < counts.length) {
      octet = counts[at++]!;
      count += (octet & 0x7f) * scale;
      scale *= 0x80;
    }
    if (octet >= 0x80) {
      throw new ResourceProblem("streams", `fewer than ${hashes.length / 4}`, "as many as endpoints");
    }
    into.set(hashes.readUInt32LE(i), count);
  }
}
