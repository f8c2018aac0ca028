import { headers, PREFACE } from "../../support/frames.ts";
import { SHARED } from "../clusters.ts";
import type { Attack } from "./attack.ts";
import { firstRequest } from "./request-blocks.ts";

const STILL = { framesPerSecond: 0, connectsPerSecond: 1_000 } as const;

const CHURN: Attack = {
  framesPerSecond: 0,
  connections: 4,
  connectsPerSecond: 300,
  play: (connection) => {
    connection.greet({}, headers(connection.open(), firstRequest(SHARED), { end: true }));
    setTimeout(() => connection.leave(), 10);
    return undefined;
  },
};

export const CONNECTION_ATTACKS = {
  "half-open": {
    ...STILL,
    connections: 500,
    play: (connection) => {
      connection.acks = false;
      return undefined;
    },
  },
  "half-preface": {
    ...STILL,
    connections: 500,
    play: (connection) => {
      connection.acks = false;
      connection.send(PREFACE.subarray(0, 10), 1);
      return undefined;
    },
  },
  "idle-connections": {
    ...STILL,
    connections: 2_000,
    play: (connection) => {
      connection.greet();
      return undefined;
    },
  },
  "connection-churn": CHURN,
  "connection-churn, many callers": { ...CHURN, manyCallers: true },
} as const satisfies Record<string, Attack>;
