import type { NodeStatus } from "../../admin/node-status.ts";
import { systemErrorText } from "../../config/system-error-text.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { pause } from "./admin-source.ts";
import { ClusterAccess } from "./cluster-access.ts";
import type { ClusterFlags } from "./cluster-options.ts";
import type { ServiceRate } from "./service-rates.ts";
import { serviceRates } from "./service-rates.ts";
import { textTable } from "./text-table.ts";

/** What `isobar top` is told. */
export interface TopFlags extends ClusterFlags {
  readonly namespace?: string;
  readonly once?: true;
  readonly every: number;
}

const { stdin, stdout } = process;
const CLEAR = "\x1b[H\x1b[J";
const [ENTER_SCREEN, LEAVE_SCREEN] = ["\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"];
/** Lines of the screen that are no service. */
const HEAD_LINES = 4;
/** q, and Ctrl-C, which the terminal does not make a signal of while it hands on every key. */
const END_KEYS: ReadonlySet<number> = new Set([0x71, 0x03]);

/** Shows tables until q, Ctrl-C or, with `once`, the first. @throws ExitError when no proxy answers. */
export async function runTop(flags: TopFlags): Promise<void> {
  const { every, once = false, output } = flags;
  const access = ClusterAccess.open(flags);
  const ended = new AbortController();
  const end = (): void => ended.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  stdout.on("error", end);
  const showsLive = stdout.isTTY === true && !once && output === "table";
  try {
    const sources = await access.proxies();
    if (sources.length === 0)
      throw new ExitError(ExitCode.unavailable, ["no proxy is there to ask", ...access.notes].join("; "));
    // A process in each Pod that answers until we leave, and not one for each answer.
    const looks = new Map<string, { before?: NodeStatus; now: NodeStatus }>();
    const problems = new Map<string, string>();
    for (const source of sources) {
      const note = (body: unknown): void => {
        const now = body as NodeStatus;
        const former = looks.get(source.name)?.now;
        looks.set(source.name, former === undefined ? { now } : { before: former, now });
      };
      void source.follow("/status", every * 1_000, note, ended.signal).then(
        () => looks.delete(source.name),
        (error: unknown) => {
          looks.delete(source.name);
          problems.set(source.name, systemErrorText(error));
        },
      );
    }
    if (showsLive) beginScreen(end);
    while (!ended.signal.aborted) {
      await pause(every * 1_000, ended.signal);
      if (problems.size === sources.length)
        throw new ExitError(ExitCode.unavailable, `no proxy answers: ${[...problems.values()][0]}`);
      const pairs = [...looks.values()].filter(({ before }) => before !== undefined);
      if (ended.signal.aborted || pairs.length === 0) continue;
      const rates = serviceRates(
        pairs.map(({ before }) => before!),
        pairs.map(({ now }) => now),
      ).filter(({ namespace }) => flags.namespace === undefined || namespace === flags.namespace);
      const text =
        output === "json"
          ? `${JSON.stringify({ nodes: pairs.length, services: rates })}\n`
          : topText(
              rates,
              pairs.map(({ now }) => now),
              sources.length,
              flags.namespace ?? "",
            );
      stdout.write(showsLive ? CLEAR + fitted(text) : text);
      if (once) return;
      if (!showsLive && output === "table") stdout.write("\n");
    }
  } finally {
    end();
    if (showsLive) {
      stdout.write(LEAVE_SCREEN);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
    }
    await access.close();
  }
}

function beginScreen(end: () => void): void {
  stdout.write(ENTER_SCREEN);
  if (!stdin.isTTY) return;
  stdin.setRawMode(true);
  stdin.on("data", (keys: Buffer) => {
    if (keys.some((key) => END_KEYS.has(key))) end();
  });
}

/** A longer table would scroll its head away. */
function fitted(text: string): string {
  const lines = text.split("\n");
  const room = Math.max((stdout.rows ?? 24) - 1, HEAD_LINES + 1);
  const width = stdout.columns ?? 80;
  return lines
    .slice(0, room)
    .map((line) => line.slice(0, width))
    .join("\n");
}

/** One table. */
export function topText(
  rates: readonly ServiceRate[],
  nodes: readonly NodeStatus[],
  asked: number,
  namespace: string,
): string {
  const closed = nodes.filter(({ capture }) => capture !== null && !capture.open).length;
  const captured = nodes.reduce((sum, { capture }) => sum + (capture?.capturedTotal ?? 0), 0);
  const head = [
    `${nodes.length} of ${asked} nodes`,
    ...(nodes.some(({ capture }) => capture !== null) ? [`${captured} connections captured so far`] : []),
    ...(closed > 0 ? [`${closed} nodes go past the proxy`] : []),
    ...(namespace === "" ? [] : [`namespace ${namespace}`]),
  ].join(", ");
  const rows = rates.map((each) => [
    each.name,
    shown(each.requestsPerSecond, 1),
    `${each.inFlight}`,
    `${each.queued}`,
    `${each.endpoints}`,
    shown(each.maxOverMean, 2),
    msText(each.p50Ms),
    msText(each.p99Ms),
    percent(each.errorRate),
    percent(each.crossZone),
    `${each.bypassed}`,
  ]);
  const columns = [
    "SERVICE",
    "RPS",
    "IN FLIGHT",
    "QUEUED",
    "ENDPOINTS",
    "MAX/MEAN",
    "P50",
    "P99",
    "ERRORS",
    "CROSS-ZONE",
    "PAST",
  ];
  return `${head}\n\n${textTable([columns, ...rows], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])}`;
}

function shown(value: number, digits: number): string {
  return Number.isNaN(value) ? "-" : value.toFixed(digits);
}

function msText(ms: number): string {
  if (Number.isNaN(ms)) return "-";
  return ms < 10
    ? `${ms.toFixed(1)} ms`
    : ms < 10_000
      ? `${Math.round(ms)} ms`
      : `${(ms / 1_000).toFixed(1)} s`;
}

function percent(share: number): string {
  return Number.isNaN(share) ? "-" : `${(share * 100).toFixed(share < 0.01 ? 2 : 0)} %`;
}
