import { setTimeout as sleep } from "node:timers/promises";
import type { ControlPlaneTls } from "../../../src/xds/client/grpc-ads-transport.ts";
import { GrpcAdsTransport } from "../../../src/xds/client/grpc-ads-transport.ts";
import { encodeFirstLoadStats } from "../../../src/xds/load/encode-load-stats.ts";
import { encodeDeltaRequest } from "../../../src/xds/resources/delta-request.ts";
import { decodeDeltaResponse } from "../../../src/xds/resources/delta-response.ts";
import { TYPE_URL } from "../../../src/xds/resources/type-url.ts";

const LIMIT_MS = 20_000;
/** A stream of reports that stands so long is let be. */
const STANDS_MS = 1_000;

/** A stream as a client of the test has it. */
export interface OpenStream {
  /** Why it ended; undefined while it stands. */
  readonly ended: string | undefined;
  /** Names of clusters that it has been given, and of those that do not exist. */
  readonly has: ReadonlySet<string>;
  readonly hasNot: ReadonlySet<string>;
  /** Opens a stream of load reports beside it. @returns `answered`, or why it ended. */
  report(node: string): Promise<string>;
  close(): void;
}

/** How a client of the test comes. */
export interface ClientWish {
  readonly token?: string;
  readonly node?: string;
  /** Clusters that it asks for. */
  readonly wants?: readonly string[];
}

/** @returns a stream that has asked and been answered. Rejects with why it ended before. */
export async function openStream(
  address: string,
  tls: ControlPlaneTls | undefined,
  wish: ClientWish = {},
): Promise<OpenStream> {
  const { token = "", node = "n1", wants = ["a.shop:80"] } = wish;
  const transport = new GrpcAdsTransport(
    () => tls,
    () => token,
  );
  const has = new Set<string>();
  const hasNot = new Set<string>();
  const state: { ended?: string } = {};
  const stream = transport.open(address, {
    onOpen: () => {
      const place = { id: node, region: "", zone: "", userAgentVersion: "1" };
      stream.send(encodeDeltaRequest({ node: place, typeUrl: TYPE_URL.cluster, subscribe: wants }));
    },
    onMessage: (octets) => {
      const { value } = decodeDeltaResponse(octets);
      for (const { name } of value?.resources ?? []) {
        has.add(name);
        hasNot.delete(name);
      }
      for (const name of value?.removed ?? []) {
        has.delete(name);
        hasNot.add(name);
      }
      stream.send(encodeDeltaRequest({ typeUrl: TYPE_URL.cluster, nonce: value?.nonce ?? "" }));
    },
    onEnd: (reason) => {
      state.ended = reason;
    },
  });
  const untilMs = performance.now() + LIMIT_MS;
  while (state.ended === undefined && has.size + hasNot.size < wants.length) {
    if (performance.now() > untilMs) throw new Error(`no answer within ${LIMIT_MS} ms`);
    await sleep(5);
  }
  if (state.ended !== undefined) {
    transport.close();
    throw new Error(state.ended);
  }
  return {
    get ended() {
      return state.ended;
    },
    has,
    hasNot,
    report: (id) =>
      new Promise((resolve) => {
        const reports = stream.openReports!({
          onOpen: () =>
            reports.send(encodeFirstLoadStats({ id, region: "", zone: "", userAgentVersion: "1" })),
          // Whether it may is found out beside it.
          onMessage: () => void setTimeout(resolve, STANDS_MS, "answered"),
          onEnd: resolve,
        });
      }),
    close: () => {
      stream.close();
      transport.close();
    },
  };
}

/** @returns `answered`, or why the stream ended. */
export async function attemptStream(
  address: string,
  tls: ControlPlaneTls | undefined,
  wish: ClientWish = {},
): Promise<string> {
  try {
    (await openStream(address, tls, wish)).close();
    return "answered";
  } catch (error) {
    return (error as Error).message;
  }
}
