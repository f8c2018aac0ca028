// The clients of one way, in a process of their own: long-lived channels and calls in an open loop, so that a slow
// backend does not slow down the callers, as in life. Same seed, same calls at the same times on the same channels.

import type { ServiceError } from "@grpc/grpc-js";
import { Client, credentials, status } from "@grpc/grpc-js";
import { SeededRandom } from "../base/random.ts";
import type { LoadSettings } from "./child-message.ts";
import { UNCOUNTED } from "./child-message.ts";
import { beChild, report } from "./demo-child.ts";
import { echoService } from "./echo-service.ts";
import { LatencyHistogram } from "./latency-histogram.ts";

const TICK_MS = 1;
const REPORT_EVERY_MS = 100;
const CONNECT_WITHIN_MS = 5000;
/** Calls later than this are given up: a machine that cannot keep up would only fall further behind with them. */
const GIVE_UP_AFTER_MS = 250;

interface Outcomes {
  answered: number;
  failed: Record<string, number>;
  readonly latency: LatencyHistogram;
}

const settings = JSON.parse(process.argv[2] ?? "{}") as LoadSettings;
const random = new SeededRandom(settings.seed);
const outcomes = new Map<number, Outcomes>();
const clients: Client[] = [];
let part = UNCOUNTED;
let notMade = 0;
let ticker: NodeJS.Timeout | undefined;

beChild((order) => {
  if (order.kind === "part") part = order.part;
  if (order.kind === "go") start();
  if (order.kind === "stop") clearInterval(ticker);
});

for (let index = 0; index < settings.channels; index++) clients.push(await connect());
report({ kind: "ready" });

// One after the other: the n-th connection is then the n-th draw of the seed.
function connect(): Promise<Client> {
  const client = new Client(settings.address, credentials.createInsecure(), {
    "grpc.default_authority": settings.authority,
    // Without this, all channels of a process share one connection.
    "grpc.use_local_subchannel_pool": 1,
    // The addresses are local: an http_proxy in the environment is not for them.
    "grpc.enable_http_proxy": 0,
  });
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + CONNECT_WITHIN_MS, (error) =>
      error === undefined
        ? resolve(client)
        : reject(new Error(`no connection to ${settings.address}: ${error.message}`)),
    );
  });
}

function start(): void {
  const startMs = performance.now();
  let dueMs = 0;
  let turn = 0;
  ticker = setInterval(() => {
    const nowMs = performance.now() - startMs;
    for (; dueMs <= nowMs; dueMs += (-Math.log(1 - random.nextFloat()) * 1000) / settings.callsPerSecond) {
      const client = clients[turn++ % clients.length]!;
      // From when the call was due, not from when this loop got to it: a late loop must not flatter the numbers.
      if (nowMs - dueMs <= GIVE_UP_AFTER_MS) call(client, startMs + dueMs);
      else if (part !== UNCOUNTED) notMade++;
    }
  }, TICK_MS);
  setInterval(sendOutcomes, REPORT_EVERY_MS);
}

function call(client: Client, dueAtMs: number): void {
  const say = echoService.Say;
  const startedIn = part;
  client.makeUnaryRequest(
    say.path,
    say.requestSerialize,
    say.responseDeserialize,
    { text: "hello" },
    { deadline: Date.now() + settings.deadlineMs },
    (error) => {
      if (startedIn !== UNCOUNTED) count(startedIn, performance.now() - dueAtMs, error);
    },
  );
}

function count(startedIn: number, ms: number, error: ServiceError | null): void {
  let entry = outcomes.get(startedIn);
  if (entry === undefined) {
    entry = { answered: 0, failed: {}, latency: new LatencyHistogram() };
    outcomes.set(startedIn, entry);
  }
  if (error === null) {
    entry.answered++;
  } else {
    const name = status[error.code] ?? String(error.code);
    entry.failed[name] = (entry.failed[name] ?? 0) + 1;
  }
  // A deadline that passed is time a caller has waited; a refusal at once is not a fast answer.
  if (error === null || error.code === status.DEADLINE_EXCEEDED) entry.latency.record(ms);
}

function sendOutcomes(): void {
  if (notMade > 0) report({ kind: "not-made", calls: notMade });
  notMade = 0;
  for (const [startedIn, entry] of outcomes) {
    const { answered, failed } = entry;
    report({ kind: "outcomes", part: startedIn, answered, failed, latency: entry.latency.takeBuckets() });
  }
  outcomes.clear();
}
