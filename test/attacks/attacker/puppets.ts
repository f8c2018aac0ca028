import { headers, Parameter, reset, windowUpdate } from "../../support/frames.ts";
import { hostileAuthority } from "../clusters.ts";
import type { Attack, Tick } from "./attack.ts";
import type { AttackConnection } from "./attack-connection.ts";
import { firstRequest, NEXT_REQUEST } from "./request-blocks.ts";

/** Streams a puppet keeps open. */
const STREAMS = 20;
const CANCEL_AFTER_MS = 20;
const Type = { data: 0, headers: 1, reset: 3 } as const;

interface Reading {
  /** Initial window; default 1 MiB. */
  readonly windowOctets?: number;
  readonly cancels?: boolean;
}

/**
 * A client without whom hostile endpoints would have nobody to answer: keeps some streams to one of them open, and opens
 * another when one ends, at most at the rate of its ticks.
 */
function call(behaviour: string, { windowOctets = 1_048_576, cancels = false }: Reading): Attack["play"] {
  return (connection): Tick => {
    let live = 0;
    const open = (block: Buffer): Buffer => {
      const id = connection.open();
      live++;
      if (cancels) setTimeout(() => cancel(connection, id), CANCEL_AFTER_MS);
      return headers(id, block, { end: true });
    };
    const cancel = (at: AttackConnection, id: number): void => {
      live--;
      at.send(reset(id, "CANCEL"), 1);
    };
    connection.onFrame = (type, flags) => {
      const ends = (type === Type.data || type === Type.headers) && (flags & 1) !== 0;
      if ((ends || type === Type.reset) && !cancels) live--;
    };
    const first = open(firstRequest(hostileAuthority(behaviour)));
    connection.greet({ [Parameter.initialWindowSize]: windowOctets }, first, windowUpdate(0, 2 ** 30));
    return (count) => {
      const wanted = Math.min(count, STREAMS - live);
      if (wanted <= 0) return;
      connection.send(Buffer.concat(Array.from({ length: wanted }, () => open(NEXT_REQUEST))), wanted);
    };
  };
}

const PUPPET = { framesPerSecond: 500, connections: 1 } as const;

function puppet(behaviour: string, reading: Reading = {}): Attack {
  return { ...PUPPET, play: call(behaviour, reading) };
}

/** By the endpoint's behaviour. */
export const PUPPETS = {
  "endpoint: ping-flood": puppet("ping-flood"),
  "endpoint: settings-flood": puppet("settings-flood"),
  "endpoint: window-update-flood": puppet("window-update-flood"),
  "endpoint: goaway-flood": puppet("goaway-flood"),
  "endpoint: endless-headers": puppet("endless-headers"),
  "endpoint: header-bomb": puppet("header-bomb"),
  "endpoint: endless-103": puppet("endless-103"),
  "endpoint: tiny-data": puppet("tiny-data"),
  "endpoint: empty-data": puppet("empty-data"),
  "endpoint: refuses-all": puppet("refuses-all"),
  "endpoint: resets-all": puppet("resets-all"),
  "endpoint: closes-at-once": puppet("closes-at-once"),
  "endpoint: endless-response to a slow reader": puppet("endless-response", { windowOctets: 1 }),
  "endpoint: endless-response to a canceller": puppet("endless-response", { cancels: true }),
} as const satisfies Record<string, Attack>;
