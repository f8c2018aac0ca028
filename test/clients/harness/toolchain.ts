import { spawnSync } from "node:child_process";
import type { Toolchain } from "./language.ts";

const PROBE_LIMIT_MS = 30_000;

/** A program that a toolchain needs, and how to read its version. */
export type Tool = {
  readonly command: string;
  readonly args: readonly string[];
  /** Its first two groups are the major and the minor version. */
  readonly version: RegExp;
  readonly atLeast: readonly [major: number, minor: number];
};

/** Runs each tool to see whether it is there and new enough. */
export function findTools(tools: readonly Tool[]): Toolchain {
  const versions: string[] = [];
  for (const { command, args, version, atLeast } of tools) {
    const run = spawnSync(command, args, { encoding: "utf8", timeout: PROBE_LIMIT_MS });
    if (run.error !== undefined) return { missing: `${command} is not installed` };
    const found = version.exec(`${run.stdout}\n${run.stderr}`);
    if (run.status !== 0 || found === null) {
      return { missing: `"${[command, ...args].join(" ")}" failed: ${run.stderr.trim().slice(-200)}` };
    }
    const [major, minor] = [Number(found[1]), Number(found[2])];
    if (major < atLeast[0] || (major === atLeast[0] && minor < atLeast[1])) {
      return {
        missing: `${command} ${major}.${minor} is installed, ${atLeast.join(".")} or newer is needed`,
      };
    }
    versions.push(`${command} ${found[0]}`);
  }
  return { versions: versions.join(", ") };
}
