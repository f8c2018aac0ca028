import type { CaptureCounts } from "../../telemetry/capture-metrics.ts";

/** How old what `isobar capture` last wrote may be before it counts as gone. */
const FRESH_MS = 5_000;

/** What it counts; the rest the proxy knows itself. */
type CaptureSaid = Omit<CaptureCounts, "generation" | "former" | "isCurrent" | "isAlive">;

/** What `isobar capture` says, from capture.json. */
export class CaptureState {
  /** The generation that gets connections; undefined while none does. */
  current: string | undefined;
  /** The port on loopback that canaries come back from; 0 while there is none. */
  echoPort = 0;
  /** Version of this generation's plan that the kernel has; "" for none. */
  planVersion = "";
  /** Whether new connections are led to the current generation, and why not. */
  isOpen = false;
  closedBecause = "";
  /** What it has counted. */
  counts: CaptureSaid = countsOf({});
  #writtenMs = 0;

  /** @param content of capture.json, not trusted to have anything. @param own name of the generation that reads it. */
  update(content: Readonly<Record<string, unknown>>, own: string): void {
    const { current, echoPort, generations, writtenMs } = content;
    const { planVersion } = find(generations, own);
    this.current = typeof current === "string" ? current : undefined;
    const isPort = Number.isInteger(echoPort) && Number(echoPort) > 0 && Number(echoPort) < 65_536;
    this.echoPort = isPort ? Number(echoPort) : 0;
    this.planVersion = typeof planVersion === "string" ? planVersion : "";
    // A capture of an older release does not say: then it counts as open.
    this.isOpen = content["open"] !== false;
    this.closedBecause = typeof content["closedBecause"] === "string" ? content["closedBecause"] : "";
    this.counts = countsOf(content);
    this.#writtenMs = typeof writtenMs === "number" ? writtenMs : 0;
  }

  /** @returns whether it was written a moment ago: `isobar capture` runs. */
  isFresh(wallMs: number): boolean {
    return wallMs - this.#writtenMs < FRESH_MS;
  }
}

function find(generations: unknown, name: string): Readonly<Record<string, unknown>> {
  if (!Array.isArray(generations)) return {};
  const all = generations as readonly (Readonly<Record<string, unknown>> | null)[];
  return all.find((each) => each?.["generation"] === name) ?? {};
}

function countsOf(content: Readonly<Record<string, unknown>>): CaptureSaid {
  const count = (key: string): number => {
    const value = content[key];
    return typeof value === "number" && value >= 0 ? value : 0;
  };
  const bypassed = new Map<string, number>();
  for (const each of Array.isArray(content["bypassed"]) ? (content["bypassed"] as unknown[]) : []) {
    const { service, connections } = (each ?? {}) as { service?: unknown; connections?: unknown };
    if (typeof service === "string" && typeof connections === "number") bypassed.set(service, connections);
  }
  return {
    isInert: typeof content["inertSinceMs"] === "number",
    captured: count("capturedTotal"),
    reclaimed: count("reclaimedTotal"),
    refused: count("refusedTotal"),
    failOpenSeconds: count("failOpenSecondsTotal"),
    bypassed,
  };
}
