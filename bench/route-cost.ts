// What finding a request's route costs, by the number of routes: `node bench/route-cost.ts`. One core, no network.
import { SeededRandom } from "../src/base/random.ts";
import { Slab } from "../src/base/slab.ts";
import { SlotLinks } from "../src/base/slot-list.ts";
import type { ConnectionState } from "../src/h2/connection-state.ts";
import { BlockKind } from "../src/h2/hpack/block-kind.ts";
import { HpackDecoder } from "../src/h2/hpack/decoder.ts";
import { InternPool } from "../src/h2/hpack/intern-pool.ts";
import { releaseFields } from "../src/h2/hpack/release-fields.ts";
import type { ProxyContext } from "../src/proxy/proxy-context.ts";
import { RouteRuntime } from "../src/proxy/routes/route-runtime.ts";
import type { Route } from "../src/resource/route.ts";
import { AuthorityTable } from "../src/route/authority-table.ts";
import { RouteCounters } from "../src/telemetry/route-counters.ts";
import type { Field } from "../test/h2/hpack/reference.ts";
import { ReferenceEncoder } from "../test/h2/hpack/reference.ts";
import { PLAIN_ROUTE } from "../test/route/route-fixture.ts";

const ROUNDS = 400_000;
const SCRATCH_OCTETS = 262_144;
const AUTHORITY = "echo.default.svc.cluster.local:50051";
const FIELDS: readonly Field[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/echo.Echo/Method-0"],
  [":authority", AUTHORITY],
  ["te", "trailers"],
  ["content-type", "application/grpc"],
  ["user-agent", "grpc-go/1.76.0"],
  ["x-user", "user-none"],
  ["x-shard", "7"],
  ["x-request-id", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"],
  ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
  ["authorization", `Bearer ${"x".repeat(200)}`],
];

const slab = new Slab({ capacityOctets: 64 * 2 ** 20, poison: false });
const pool = new InternPool(slab);
const scratch = slab.alloc(SCRATCH_OCTETS);
const input = slab.alloc(65_536);
const decoder = new HpackDecoder(slab, pool, { maxTableOctets: 4096, maxListOctets: 32_768 });
const client = new ReferenceEncoder();
const authorities = new AuthorityTable();
authorities.set(AUTHORITY, 0);
let octets = 0;
for (let round = 0; round < 4; round++) {
  if (octets > 0) releaseFields(slab, pool, scratch, octets);
  const wire = Buffer.concat(
    FIELDS.map((field, i) => client.field(field, i < 9 ? "indexed" : i === 11 ? "never" : "plain", true, 0)),
  );
  wire.copy(slab.bytes, input);
  decoder.decode(input, wire.length, BlockKind.request, scratch, SCRATCH_OCTETS);
  octets = decoder.outOctets;
}

/** Only what deciding looks at. */
const context = {
  engine: { slab, pool, scratch, scratchOctets: SCRATCH_OCTETS },
  authorities,
  replyScratch: slab.alloc(16_384),
  random: new SeededRandom(1),
  time: { nowMs: 0 },
  exchanges: { links: new SlotLinks(8) },
  clusters: [],
} as unknown as ProxyContext;
const connection = { decoder } as unknown as ConnectionState;

function routes(count: number, kind: "method" | "header"): Route[] {
  return Array.from({ length: count }, (_, i): Route => {
    const headers = kind === "header" ? [{ name: "x-user", kind: "exact" as const, value: `user-${i}` }] : [];
    const path = kind === "method" ? `/echo.Echo/Method-${i}` : "";
    return { ...PLAIN_ROUTE, name: `r${i}`, authorities: [AUTHORITY], matches: [{ path, headers }] };
  });
}

/** @returns nanoseconds for a decision, the best of 7 passes. */
function measure(list: readonly Route[]): number {
  const update = {
    configuration: { version: "", routes: list },
    series: list.map(() => [0]),
    counters: new RouteCounters(1).buffer,
  };
  const runtime = new RouteRuntime(context, { workerIndex: 0, workerCount: 1 }, 8, update);
  let best = Number.POSITIVE_INFINITY;
  for (let pass = 0; pass < 7; pass++) {
    const start = performance.now();
    for (let round = 0; round < ROUNDS; round++) runtime.decide(1, connection.decoder, octets, undefined, "");
    best = Math.min(best, ((performance.now() - start) / ROUNDS) * 1e6);
  }
  return best;
}

console.log("routes  by method  by header (none holds)");
for (const count of [1, 10, 100]) {
  const [method, header] = [measure(routes(count, "method")), measure(routes(count, "header"))];
  console.log(
    `${String(count).padStart(6)}  ${method.toFixed(0).padStart(6)} ns  ${header.toFixed(0).padStart(6)} ns`,
  );
}
