import type { Command } from "commander";
import { InvalidArgumentError } from "commander";

interface Flags {
  readonly runDir: string;
  readonly table: string;
  readonly runGroup?: number;
  readonly dryRun?: true;
}

const EXAMPLES = `
Examples:
  isobar capture                               beside the proxy, in the node's network: keeps the table until SIGTERM
  isobar capture --dry-run                     print what it would tell nft, and change nothing
  nft list table inet isobar                   what it has told the kernel

It needs nft and ip, the capability NET_ADMIN and the node's network namespace, and no access to any API.
More: docs/capture.md.`;

/** Adds `isobar capture`: leads the connections of opted-in pods to the proxies of this node. */
export function addCaptureCommand(program: Command): void {
  program
    .command("capture")
    .summary("lead opted-in pods' connections to the proxy of this node")
    .description(
      "Keeps a table of nftables that leads connections of opted-in pods to this node's proxy, as long as the proxy works; otherwise they go where they would without it.",
    )
    .option(
      "--run-dir <folder>",
      "the folder that proxies of this node share (their capture.runDir)",
      "/run/isobar",
    )
    .option(
      "--run-group <gid>",
      "number of the proxies' group: only it may write in that folder; without it everybody on the node may",
      groupNumber,
    )
    .option("--table <name>", "name of the table, of family inet", tableName, "isobar")
    .option("--dry-run", "print the table for the plans that are there, as if their proxies worked, and end")
    .addHelpText("after", EXAMPLES)
    .action(capture);
}

async function capture({ runDir, table, runGroup, dryRun }: Flags): Promise<void> {
  if (dryRun) {
    const { dryRunTable } = await import("../capture/dry-run-table.ts");
    process.stdout.write(await dryRunTable(runDir, table));
    return;
  }
  const { beginFrugally } = await import("./begin-frugally.ts");
  beginFrugally("capture-entry", [runDir, table, runGroup === undefined ? "" : `${runGroup}`]);
  const { runCapture } = await import("../capture/capture-main.ts");
  process.exit(await runCapture({ runDir, table, runGroup }));
}

function tableName(text: string): string {
  if (!/^[a-z][a-z0-9_]{0,30}$/.test(text))
    throw new InvalidArgumentError(`Found "${text}", wanted a name of small letters, digits and _.`);
  return text;
}

function groupNumber(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0xffff_fffe)
    throw new InvalidArgumentError(`Found "${text}", wanted the number of a group.`);
  return Number(text);
}
