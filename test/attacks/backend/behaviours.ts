import {
  continuation,
  data,
  goaway,
  headers,
  ping,
  reset,
  settings,
  windowUpdate,
} from "../../support/frames.ts";
import { indexingBlock, literalBlock, RESPONSE } from "../../support/literal-block.ts";
import type { Behaviour, HostileConnection } from "./hostile-connection.ts";

const ANSWER = literalBlock(RESPONSE);
const DATA_OCTETS = 16_384;
/** Of the open streams, those that get frames at a time. */
const STREAMS_AT_A_TIME = 20;

function times(count: number, one: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => one));
}

/** The same frame of the connection again and again. */
function flood(one: Buffer, framesPerSecond = 20_000): Behaviour {
  return { framesPerSecond, tick: (connection, count) => connection.send(times(count, one), count) };
}

/** Frames on the streams that are open, by turns. */
function onStreams(one: (id: number) => Buffer): NonNullable<Behaviour["tick"]> {
  return (connection, count) => {
    const ids = [...connection.streams].slice(0, STREAMS_AT_A_TIME);
    if (ids.length === 0) return;
    connection.send(Buffer.concat(Array.from({ length: count }, (_, i) => one(ids[i % ids.length]!))), count);
  };
}

function answerFirst(connection: HostileConnection, id: number): void {
  connection.socket.write(headers(id, ANSWER));
}

/** DATA as far as the windows go, for ever. */
function pour(connection: HostileConnection, count: number): void {
  const parts: Buffer[] = [];
  for (const id of connection.streams) {
    while (parts.length < count) {
      const window = Math.min(connection.window, connection.windows.get(id) ?? 0, DATA_OCTETS);
      if (window <= 0) break;
      connection.window -= window;
      connection.windows.set(id, connection.windows.get(id)! - window);
      parts.push(data(id, Buffer.alloc(window)));
    }
  }
  if (parts.length > 0) connection.send(Buffer.concat(parts), parts.length);
}

const BOMB_ENTRY = indexingBlock("x-bomb", "v".repeat(3_600));
const ONE_103 = literalBlock({ ":status": "103", link: "</style.css>" });

/** Every way in which an endpoint misbehaves, by its name, which is part of its cluster's. */
export const BEHAVIOURS = {
  "ping-flood": flood(ping("flood")),
  "settings-flood": flood(settings()),
  "window-update-flood": flood(windowUpdate(0, 1)),
  "goaway-flood": flood(goaway(2 ** 31 - 1), 5_000),
  "endless-headers": {
    onRequest: (connection, id) => connection.send(headers(id, ANSWER, { more: true }), 1),
    tick: (connection, count) => {
      const [id] = connection.streams;
      if (id === undefined) return;
      connection.send(
        times(count, continuation(id, literalBlock({ "x-a": "0123456789" }), { more: true })),
        count,
      );
    },
  },
  "header-bomb": {
    onRequest: (connection, id) => {
      const block = Buffer.concat([ANSWER, BOMB_ENTRY, Buffer.alloc(12_000, 0xbe)]);
      connection.send(headers(id, block, { end: true }), 1);
      connection.streams.delete(id);
    },
  },
  "endless-103": { tick: onStreams((id) => headers(id, ONE_103)) },
  "tiny-data": { onRequest: answerFirst, tick: onStreams((id) => data(id, "x")) },
  "empty-data": { onRequest: answerFirst, tick: onStreams((id) => data(id, "")) },
  "refuses-all": {
    onRequest: (connection, id) => {
      connection.send(reset(id, "REFUSED_STREAM"), 1);
      connection.streams.delete(id);
    },
  },
  "resets-all": {
    onRequest: (connection, id) => {
      connection.send(reset(id, "INTERNAL_ERROR"), 1);
      connection.streams.delete(id);
    },
  },
  "closes-at-once": { onOpen: ({ socket }) => socket.end() },
  "endless-response": { framesPerSecond: 2_000, onRequest: answerFirst, tick: pour },
  /** Does nothing at all; for attackers that upload. */
  stalled: { grants: false },
} as const satisfies Record<string, Behaviour>;

export type BehaviourName = keyof typeof BEHAVIOURS;
