#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";
import { VERSION } from "../telemetry/version.ts";

const EXAMPLES = `
Examples:
  isobar validate isobar.yaml              check a configuration without opening a port
  isobar proxy --config isobar.yaml        run the proxy; SIGTERM drains, SIGHUP reloads
  isobar doctor --preflight                which modes will work in a cluster, before installing
  isobar assess --prometheus URL           which services are uneven, and what that costs
  isobar status; isobar top; isobar doctor what runs, what it does, what is wrong
  isobar off -n shop                       back to kube-proxy
  isobar explain greeter:50051             why a running proxy sends requests where it does
  isobar control-plane --static s.yaml --insecure   serve services over xDS
  isobar wait                              in an init container: until this Pod is captured
  isobar capture                           lead opted-in pods of this node to its proxy
  isobar audit at 12:03:01 --node n7       what a node believed then
  isobar demo                              see it balance real gRPC traffic on this machine
  isobar simulate scenario.yaml            compare policies over a fleet in virtual time

Exit codes:
  0   done as asked (also after a drain)
  1   a simulation did not come out as expected, an audit was changed, doctor found something bad, or off was not confirmed
  64  the command line or the configuration is wrong; no port was opened
  69  this Node is too old, or no proxy or API server answers where it was asked
  70  a fault of Isobar itself
  71  an address of the configuration could not be bound

Keys of the configuration: docs/configuration.md. Everything about commands: docs/cli.md.`;

const program = new Command("isobar")
  .description("A node-local proxy that balances every gRPC stream, for clients in any language.")
  .version(
    `isobar ${VERSION} (Node ${process.versions.node})`,
    "-V, --version",
    "print the versions of Isobar and Node",
  )
  .addHelpText("after", EXAMPLES)
  .showHelpAfterError("(isobar --help shows how)")
  .exitOverride();

program
  .command("proxy")
  .summary("run the proxy")
  .description(
    "Runs the proxy until SIGTERM or SIGINT, which let streams finish; a second signal ends it at once.",
  )
  .requiredOption("-c, --config <file>", "the configuration file (YAML)")
  .action(async ({ config }: { readonly config: string }) => {
    const { runProxy } = await import("../daemon/proxy-main.ts");
    // Everything is closed by now; a handle that somebody forgot must not keep a drained proxy alive.
    process.exit(await runProxy({ configFile: config, env: process.env }));
  });

program
  .command("validate")
  .summary("check a configuration file")
  .description("Checks a configuration file and says all that is wrong with it, without opening a port.")
  .argument("<file>", "the configuration file (YAML)")
  .action(async (file: string) => {
    const { validate } = await import("./validate.ts");
    console.log(await validate(file, process.env));
  });

if (process.argv[2] !== "proxy") {
  const { addWaitCommand } = await import("./wait.ts");
  addWaitCommand(program);
  const { addCaptureCommand } = await import("./capture.ts");
  addCaptureCommand(program);
  const { addAskCommand } = await import("./ask.ts");
  addAskCommand(program);
}

// Every start of a captured Pod waits for `wait`, `capture` is on every node, and probes `ask`: they load nothing of the others.
if (!["proxy", "wait", "capture", "ask"].includes(process.argv[2] ?? "")) {
  const { addStatusCommand } = await import("./cluster/status-command.ts");
  addStatusCommand(program);
  const { addDoctorCommand } = await import("./cluster/doctor-command.ts");
  addDoctorCommand(program);
  const { addTopCommand } = await import("./cluster/top-command.ts");
  addTopCommand(program);
  const { addAssessCommand } = await import("./assess/assess-command.ts");
  addAssessCommand(program);
  const { addOffCommand } = await import("./cluster/off-command.ts");
  addOffCommand(program);
  const { addExplainCommand } = await import("./explain/explain-command.ts");
  addExplainCommand(program);
  const { addControlPlaneCommand } = await import("./control-plane.ts");
  addControlPlaneCommand(program);
  const { addAuditCommand } = await import("./audit/audit-command.ts");
  addAuditCommand(program);
  const { addRollbackCommand } = await import("./audit/rollback-command.ts");
  addRollbackCommand(program);
}

// The demo brings clients and backends of its own: the proxy must not carry their code along.
const WITHOUT_DEMO = [
  "proxy",
  "wait",
  "capture",
  "validate",
  "explain",
  "control-plane",
  "audit",
  "rollback",
  "ask",
  "status",
  "top",
  "doctor",
  "assess",
  "off",
];
if (!WITHOUT_DEMO.includes(process.argv[2] ?? "")) {
  const { addDemoCommand } = await import("./demo.ts");
  addDemoCommand(program);
  const { addSimulateCommand } = await import("./simulate.ts");
  addSimulateCommand(program);
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/** Says what went wrong in words for people, and picks the exit code. */
function explain(error: unknown): number {
  if (error instanceof ExitError) {
    console.error(error.message);
    return error.exitCode;
  }
  // Commander has said it already; its own codes are 0 for help and version, and 1 for any misuse.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  console.error(error);
  return ExitCode.fault;
}
