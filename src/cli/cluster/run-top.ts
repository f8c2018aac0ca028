import type { NodeStatus } from "../../admin/node-status.ts";
import { systemErrorText } from "../../config/system-error-text.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { pause } from "./admin-source.ts";
import { ClusterAccess } from "./cluster-access.ts";
import type { ClusterFlags } from "./cluster-options.ts";
import { namespaceRates } from "./namespace-rates.ts";
import { serviceRates } from "./service-rates.ts";
import { TopScreen } from "./top-screen.ts";
import type { TopRows, TopView } from "./top-text.ts";
import { topText } from "./top-text.ts";

/** What `isobar top` is told. */
export interface TopFlags extends ClusterFlags {
  readonly namespace?: string;
  readonly by: TopRows;
  readonly once?: true;
  readonly every: number;
}

/** The last two things that a proxy said. */
interface Look {
  readonly before?: NodeStatus;
  readonly now: NodeStatus;
}

const { stdout } = process;
const KEYS_LINE = "n namespaces, s services, q ends";

/** Shows tables until q, Ctrl-C or, with `once`, the first. @throws ExitError when no proxy answers. */
export async function runTop(flags: TopFlags): Promise<void> {
  const { every, once = false, output } = flags;
  const access = ClusterAccess.open(flags);
  const ended = new AbortController();
  const end = (): void => ended.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  stdout.on("error", end);
  const showsLive = stdout.isTTY === true && !once && output === "table";
  let screen: TopScreen | undefined;
  try {
    const sources = await access.proxies();
    if (sources.length === 0)
      throw new ExitError(ExitCode.unavailable, ["no proxy is there to ask", ...access.notes].join("; "));
    // A process in each Pod that answers until we leave, and not one for each answer.
    const looks = new Map<string, Look>();
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
    let rows: TopRows = flags.by;
    const draw = (): void => {
      const view = viewOf([...looks.values()], sources.length, flags.namespace ?? "");
      screen?.show(
        view.nodes.length === 0
          ? `asking ${sources.length} proxies; ${KEYS_LINE}\n`
          : topText(view, rows).replace("\n\n", `; ${KEYS_LINE}\n\n`),
      );
    };
    if (showsLive) {
      screen = new TopScreen((key) => {
        if (key === "q" || key === "\x03") return end();
        const wanted = ({ n: "namespace", s: "service" } as const)[key];
        if (wanted === undefined || ended.signal.aborted) return;
        rows = wanted;
        draw();
      });
      draw();
    }
    while (!ended.signal.aborted) {
      await pause(every * 1_000, ended.signal);
      if (problems.size === sources.length)
        throw new ExitError(ExitCode.unavailable, `no proxy answers: ${[...problems.values()][0]}`);
      const view = viewOf([...looks.values()], sources.length, flags.namespace ?? "");
      if (ended.signal.aborted || view.nodes.length === 0) continue;
      const { nodes, services, namespaces } = view;
      if (screen !== undefined) draw();
      else if (output === "json")
        stdout.write(`${JSON.stringify({ nodes: nodes.length, services, namespaces })}\n`);
      else stdout.write(topText(view, rows));
      if (once) return;
      if (!showsLive && output === "table") stdout.write("\n");
    }
  } finally {
    end();
    screen?.leave();
    await access.close();
  }
}

/** @returns rates of the proxies that have answered twice. */
function viewOf(looks: readonly Look[], asked: number, namespace: string): TopView {
  const before: NodeStatus[] = [];
  const nodes: NodeStatus[] = [];
  for (const look of looks) {
    if (look.before === undefined) continue;
    before.push(look.before);
    nodes.push(look.now);
  }
  const services = serviceRates(before, nodes);
  const isWanted = (name: string): boolean => namespace === "" || name === namespace;
  return {
    nodes,
    asked,
    services: services.filter((each) => isWanted(each.namespace)),
    namespaces: namespaceRates(before, nodes, services).filter(({ name }) => isWanted(name)),
    namespace,
  };
}
