import { ExitCode, ExitError } from "../daemon/exit-code.ts";
import { decide } from "./decide.ts";
import { RunFolder } from "./run-folder.ts";
import { tableContent } from "./table-content.ts";
import { HOLD_MS, wholeTable } from "./table-text.ts";

/**
 * @returns what nft would be told for the files that are in the folder, if all their proxies worked.
 * @throws ExitError when there is no generation.
 */
export async function dryRunTable(runDir: string, table: string): Promise<string> {
  const problems: string[] = [];
  const folder = new RunFolder(runDir, (generation, problem) => problems.push(`${generation}: ${problem}`));
  const found = await folder.read();
  if (found.length === 0)
    throw new ExitError(
      ExitCode.unavailable,
      ["capture: no proxy has written a plan within ten minutes", `in ${runDir}`, ...problems].join("\n"),
    );
  const views = found.map(({ file, plan }) => ({
    ...file,
    hasPlan: plan !== undefined,
    goodAtMs: 0,
    goodRounds: 1,
    hasFailed: false,
    refused: false,
  }));
  const { current, aliveUntilMs } = decide(views, undefined, 0);
  const chosen = found.find(({ file }) => file.generation === current);
  const content = tableContent({
    plan: chosen?.plan,
    port: chosen?.file.port ?? 0,
    all: found.flatMap(({ plan }) => plan ?? []),
  });
  return wholeTable(table, content, { openMs: chosen === undefined ? 0 : HOLD_MS, aliveMs: aliveUntilMs });
}
