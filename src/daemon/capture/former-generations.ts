import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readRunFile } from "./run-file.ts";

/** A generation whose file is older than this is not counted: it writes twice a second. */
const FRESH_MS = 10_000;

/** Proxies of this node that began before this one, and live. */
export interface FormerGenerations {
  readonly alive: number;
  /** Streams under way in them; those of a release that does not say count as none. */
  readonly openStreams: number;
}

/**
 * @param own generation, and since when it runs, in ms since 1970.
 * @returns what the files of a run directory say of older generations; nobody where it cannot be read.
 */
export function formerGenerations(
  runDir: string,
  own: { readonly generation: string; readonly startedMs: number },
  wallMs: number,
): FormerGenerations {
  let [alive, openStreams] = [0, 0];
  for (const folder of foldersOf(runDir)) {
    if (folder === own.generation) continue;
    const content = readRunFile(join(runDir, folder, "generation.json"));
    if (content === undefined || !(Number(content["startedMs"]) < own.startedMs)) continue;
    if (!(wallMs - Number(content["writtenMs"]) < FRESH_MS)) continue;
    alive++;
    const open = Number(content["openStreams"]);
    if (open > 0) openStreams += open;
  }
  return { alive, openStreams };
}

function foldersOf(runDir: string): string[] {
  try {
    return readdirSync(runDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}
