import { data, headers, Parameter, windowUpdate } from "../../support/frames.ts";
import { hostileAuthority, SHARED } from "../clusters.ts";
import type { Attack, Tick } from "./attack.ts";
import type { AttackConnection } from "./attack-connection.ts";
import { askFor, firstRequest, NEXT_REQUEST } from "./request-blocks.ts";

const STREAMS = 200;
const MIB = 1_048_576;

/** Asks for much and gives no window for it. */
function ask(connection: AttackConnection, windowOctets: number): void {
  const parts: Buffer[] = [];
  for (let i = 0; i < STREAMS; i++) {
    const id = connection.open();
    parts.push(headers(id, i === 0 ? firstRequest(SHARED) : NEXT_REQUEST));
    parts.push(data(id, askFor(MIB), { end: true }));
  }
  connection.greet({ [Parameter.initialWindowSize]: windowOctets }, ...parts);
}

function readNothing(connection: AttackConnection): undefined {
  ask(connection, 0);
  return undefined;
}

function readOctets(connection: AttackConnection): Tick {
  ask(connection, 1);
  let next = 0;
  return (count) => {
    const updates = Array.from({ length: count }, () => windowUpdate(1 + 2 * (next++ % STREAMS), 1));
    connection.send(Buffer.concat(updates), count);
  };
}

/** Windows wide open, and a socket nobody reads. */
function neverRead(connection: AttackConnection): undefined {
  ask(connection, 2 ** 31 - 1);
  connection.send(windowUpdate(0, 2 ** 30), 1);
  return undefined;
}

/** Bodies to an endpoint that reads nothing, as far as the windows go. */
function uploadToStalled(connection: AttackConnection): undefined {
  const parts: Buffer[] = [];
  for (let i = 0; i < STREAMS; i++) {
    const id = connection.open();
    parts.push(headers(id, i === 0 ? firstRequest(hostileAuthority("stalled")) : NEXT_REQUEST));
    for (let sent = 0; sent < 64_000; sent += 16_000) parts.push(data(id, Buffer.alloc(16_000)));
  }
  connection.greet({}, ...parts);
  return undefined;
}

/** More body than the window allows, in one go. */
function beyondWindow(connection: AttackConnection): Tick {
  connection.greet({}, headers(connection.open(), firstRequest(hostileAuthority("stalled"))));
  return () => {
    const id = connection.open();
    const bodies = Array.from({ length: 10 }, () => data(id, Buffer.alloc(16_384)));
    connection.send(Buffer.concat([headers(id, NEXT_REQUEST), ...bodies]), 11);
  };
}

/** A body that fits the window and is above the limit of the test that uses it. */
function uploadMuch(connection: AttackConnection): Tick {
  connection.greet({}, headers(connection.open(), firstRequest(SHARED)));
  return () => {
    const id = connection.open();
    const bodies = [0, 1, 2].map((i) => data(id, Buffer.alloc(16_000), { end: i === 2 }));
    connection.send(Buffer.concat([headers(id, NEXT_REQUEST), ...bodies]), 4);
  };
}

const STILL = { framesPerSecond: 0, connections: 1 } as const;

export const READER_ATTACKS = {
  "zero-window": { ...STILL, play: readNothing },
  "one-octet-window": { ...STILL, framesPerSecond: 2_000, play: readOctets },
  "unread-socket": { ...STILL, reads: false, play: neverRead },
  "stalled-upload": { ...STILL, play: uploadToStalled },
  "body-above-limit": { ...STILL, framesPerSecond: 100, play: uploadMuch },
  "body-beyond-window": { ...STILL, framesPerSecond: 500, play: beyondWindow },
} as const satisfies Record<string, Attack>;
