import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";

/** What `isobar assess` is told. */
export interface AssessFlags {
  readonly prometheus?: string;
  readonly observe?: true;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly header: readonly string[];
  readonly window: string;
  readonly namespace?: string;
  readonly by: "auto" | "requests" | "cpu";
  readonly output: "table" | "json";
}

const EXAMPLES = `
Examples:
  isobar assess --prometheus http://prometheus:9090                   the most uneven services of the last hour
  isobar assess --prometheus URL --window 6h -n shop -o json
  isobar assess --prometheus URL --header "authorization: Bearer $TOKEN"
  isobar assess --observe                                             on a node: who has how many connections to which endpoints

It only reads. What Prometheus has decides what is compared, the first of: requests by Pod (grpc_server_handled_total,
grpc_server_started_total, istio_requests_total, rpc_server_duration of OpenTelemetry), else what Pods' containers use of processors
(container_cpu_usage_seconds_total of the kubelet), which shows less skew than there is, because idle Pods use some too.

MAX/MEAN the busiest Pod relative to the mean of all, over the window. CROSS-ZONE what connections chosen by chance come to, from where the
Pods are (kube-state-metrics). PODS SAVED and the formula: docs/assess.md.

--observe needs no Prometheus: as root of a node it reads which connections the kernel tracks (conntrack), of this node's clients and of now.
Services are named where --kubeconfig or --context is given. It says nothing of how busy connections are.`;

/** Adds `isobar assess`: before adopting, what there is to gain. */
export function addAssessCommand(program: Command): void {
  program
    .command("assess")
    .summary("before adopting: which services are uneven, and what that costs")
    .description(
      "Reads a Prometheus, or a node's open connections, and lists services by how unevenly their Pods are used. Changes nothing.",
    )
    .option("--prometheus <url>", "its HTTP API, such as http://prometheus.monitoring:9090")
    .addOption(
      new Option("--observe", "look at this node's open connections instead").conflicts("prometheus"),
    )
    .option("--kubeconfig <file>", "with --observe: names Services, and endpoints that nobody here uses")
    .option("--context <name>", "the same, with this context of the kubeconfig")
    .addOption(
      new Option("--header <name: value>", "sent with each request; may be repeated")
        .argParser((header: string, former: readonly string[]) => [...former, checkedHeader(header)])
        .default([], "none"),
    )
    .option("--window <duration>", "how far back: such as 30m, 6h or 2d", promDuration, "1h")
    .option("-n, --namespace <name>", "only this namespace")
    .addOption(
      new Option("--by <what>", "what is compared").choices(["auto", "requests", "cpu"]).default("auto"),
    )
    .addOption(
      new Option("-o, --output <form>", "form of the output").choices(["table", "json"]).default("table"),
    )
    .addHelpText("after", EXAMPLES)
    .action(assess);
}

async function assess(flags: AssessFlags): Promise<void> {
  const { prometheus } = flags;
  if (flags.observe) return observe(flags);
  if (prometheus === undefined || !URL.canParse(prometheus) || !/^https?:/.test(prometheus))
    throw new ExitError(
      ExitCode.usage,
      `--prometheus: found ${prometheus === undefined ? "nothing" : `"${prometheus}"`}, wanted its address, such as http://prometheus:9090; or give --observe on a node`,
    );
  const { assessServices } = await import("./assess-services.ts");
  const { assessText } = await import("./assess-text.ts");
  const assessment = await assessServices({ ...flags, prometheus });
  process.stdout.write(
    flags.output === "json" ? `${JSON.stringify(assessment, null, 2)}\n` : assessText(assessment),
  );
}

async function observe(flags: AssessFlags): Promise<void> {
  const { kubeconfig, context, namespace, output } = flags;
  const isNamed = kubeconfig !== undefined || context !== undefined;
  if (namespace !== undefined && !isNamed)
    throw new ExitError(
      ExitCode.usage,
      `--namespace: found "${namespace}" with --observe alone, wanted --kubeconfig or --context too: connections do not say their namespace`,
    );
  const { trackedConnections } = await import("./tracked-connections.ts");
  const { observeNode } = await import("./observe-node.ts");
  const { observeText } = await import("./observe-text.ts");
  const connections = await trackedConnections();
  const { knownServices } = await import("./known-services.ts");
  const known = isNamed ? await knownServices(flags) : { byAddress: new Map(), notes: [] };
  const found = observeNode(connections, known.byAddress, namespace);
  const view = { ...found, notes: [...found.notes, ...known.notes] };
  process.stdout.write(output === "json" ? `${JSON.stringify(view, null, 2)}\n` : observeText(view));
}

/** @throws InvalidArgumentError where it is none. */
export function promDuration(text: string): string {
  if (!/^[1-9]\d{0,4}[mhd]$/.test(text))
    throw new InvalidArgumentError(`Found "${text}", wanted a duration such as 30m, 6h or 2d.`);
  return text;
}

/** @throws InvalidArgumentError where it is no header. */
export function checkedHeader(text: string): string {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+: *[^\r\n]+$/.test(text))
    throw new InvalidArgumentError('Wanted a name and a value, such as "authorization: Bearer TOKEN".');
  return text;
}
