import { data, headers } from "../../support/frames.ts";
import { SHARED } from "../clusters.ts";
import type { Attack, Tick } from "./attack.ts";
import type { AttackConnection } from "./attack-connection.ts";
import { firstRequest, NEXT_REQUEST } from "./request-blocks.ts";
import { stampIds } from "./stamp-ids.ts";

/** Streams that a connection of these attacks has open at most: fewer than the proxy takes, so that none is refused. */
const MOST_OPEN = 500;
const HEADERS = 1;
const RESET = 3;
const END_STREAM = 1;
/** Of one body; it fits the window that a stream begins with. */
const BODY_OCTETS = 64_000;
const FRAME_OCTETS = 16_000;

/** @returns how many streams of a connection are open. */
function countOpen(connection: AttackConnection): () => number {
  let ended = 0;
  connection.onFrame = (type, flags) => {
    if (type === RESET || (type === HEADERS && flags & END_STREAM)) ended++;
  };
  return () => (connection.nextId - 1) / 2 - ended;
}

/** Calls, one after the other without end, each allowed by itself. */
function callWithoutEnd(connection: AttackConnection): Tick {
  const open = countOpen(connection);
  connection.greet({}, headers(connection.open(), firstRequest(SHARED), { end: true }));
  const unit = headers(1, NEXT_REQUEST, { end: true });
  return (count) => {
    const room = Math.min(count, MOST_OPEN - open());
    if (room <= 0) return;
    const ids = Array.from({ length: room }, () => connection.open());
    connection.send(stampIds(unit, ids), ids.length);
  };
}

/** Bodies as large as the windows allow, one after the other, to an endpoint that takes them. */
function uploadWithoutEnd(connection: AttackConnection): Tick {
  const open = countOpen(connection);
  connection.greet({}, headers(connection.open(), firstRequest(SHARED), { end: true }));
  const frames = BODY_OCTETS / FRAME_OCTETS;
  const body = Array.from({ length: frames }, (_, i) =>
    data(1, Buffer.alloc(FRAME_OCTETS), { end: i === frames - 1 }),
  );
  const unit = Buffer.concat([headers(1, NEXT_REQUEST), ...body]);
  return (count) => {
    for (let left = count; left > 0; left -= 1 + frames) {
      if (connection.credit < BODY_OCTETS || open() >= MOST_OPEN || !connection.hasRoom) return;
      connection.credit -= BODY_OCTETS;
      connection.send(stampIds(unit, [connection.open()]), 1 + frames);
    }
  };
}

/** What a namespace may do that is no attack by itself, as much of it as it can. */
export const TENANT_ATTACKS = {
  "stream-flood": { framesPerSecond: 40_000, connections: 8, play: callWithoutEnd },
  "huge-bodies": { framesPerSecond: 20_000, connections: 4, play: uploadWithoutEnd },
} as const satisfies Record<string, Attack>;
