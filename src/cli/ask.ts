import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { ExitCode } from "../daemon/exit-code.ts";
import { adminClient, pause, usualAdminAddress } from "./cluster/admin-source.ts";

interface AskFlags {
  readonly admin: string;
  readonly every?: number;
}

const EXAMPLES = `
Examples:
  isobar ask /ready                      ends with 0 when the answer is 200, with 69 (64: no such path) otherwise
  isobar ask /status --every 2           a line of JSON every two seconds, until Ctrl-C
  kubectl -n isobar-system exec isobar-x7k2p -c proxy -- isobar ask /status

GET / lists what there is. It is how isobar status, top and doctor ask by way of kubectl's exec.`;

/** Adds `isobar ask`: one question to the admin server of a proxy or control plane, for where there is no curl. */
export function addAskCommand(program: Command): void {
  program
    .command("ask")
    .summary("ask an admin server one thing")
    .description("Sends GET to the admin server of a proxy or control plane and prints the answer.")
    .argument("<path>", "such as /status or /explain?cluster=greeter:50051")
    .option("--admin <address>", "ip:port or unix:/path; also ISOBAR_ADMIN_ADDRESS", usualAdminAddress())
    .option("--every <seconds>", "ask again and again; answers of JSON become a line each", seconds)
    .addHelpText("after", EXAMPLES)
    .action(ask);
}

async function ask(path: string, { admin, every }: AskFlags): Promise<void> {
  const client = adminClient(admin);
  const { stdout } = process;
  // Whoever listened is gone.
  stdout.on("error", () => process.exit(ExitCode.ok));
  if (every === undefined) {
    stdout.write(await client.get(path));
    return;
  }
  for (;;) {
    const text = (await client.get(path)).toString("utf8");
    stdout.write(isJson(text) ? `${JSON.stringify(JSON.parse(text))}\n` : text);
    await pause(every * 1_000);
  }
}

function isJson(text: string): boolean {
  return /^[[{]/.test(text);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.1 && value <= 3_600))
    throw new InvalidArgumentError(`Found "${text}", wanted seconds from 0.1 to 3600.`);
  return value;
}
