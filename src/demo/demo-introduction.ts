import { clientHints } from "./client-hints.ts";
import { CALLS_PER_SECOND, CHANNELS, SERVICE_MS, WORKERS, ZONES } from "./demo-options.ts";
import type { DemoStage } from "./demo-stage.ts";
import { connectionsPerBackend } from "./placement.ts";
import { spreadOf } from "./spread.ts";

const SEEDS = 999;

/** @returns what runs, how the seed has pinned the connections, and how to join with one's own client. */
export function demoIntroduction(stage: DemoStage, seed: number, wantedPort: number): string[] {
  const backends = stage.backends.length;
  const capacity = (backends * WORKERS * 1000) / SERVICE_MS;
  const connections = stage.connections();
  const pinned = stage.backends.map(({ name }) => connections.get(name) ?? 0);
  const lines = [
    `Isobar demo: ${backends} gRPC backends in ${ZONES.length} zones, ${WORKERS} workers each, ${SERVICE_MS} ms per call.`,
    `The same load twice at the same time: ${CHANNELS} connections, ${CALLS_PER_SECOND} calls/s`,
    `(${Math.round((100 * CALLS_PER_SECOND) / capacity)} % of capacity), once pinned per connection as ClusterIP does it, once`,
    "through Isobar. Each way has its own ports and workers in every backend.",
    `Seed ${seed} pins ${stage.backends.map(({ name }, index) => `${name}:${pinned[index]}`).join(" ")} connections, max/mean`,
    `${spreadOf(pinned).maxOverMean.toFixed(2)} (median of ${SEEDS} seeds: ${medianMaxOverMean(backends).toFixed(2)}; --seed N draws another).`,
    "",
  ];
  if (stage.port !== wantedPort) {
    lines.push(`Port ${wantedPort} is taken; Isobar listens on ${stage.port} instead.`, "");
  }
  return [...lines, ...clientHints(stage.port, stage.adminPort)];
}

function medianMaxOverMean(backends: number): number {
  const all = Array.from({ length: SEEDS }, (_, index) => {
    return spreadOf(connectionsPerBackend(index + 1, CHANNELS, backends)).maxOverMean;
  });
  return all.sort((one, other) => one - other)[(SEEDS - 1) / 2]!;
}
