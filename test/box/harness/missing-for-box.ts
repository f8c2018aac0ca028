import { spawnSync } from "node:child_process";
import { build } from "../../clients/harness/build.ts";
import { go } from "../../clients/harness/go.ts";
import type { Language } from "../../clients/harness/language.ts";
import { missingKubelab } from "../../kube/harness/build-kubelab.ts";
import { missingOpenssl } from "../../support/test-authority.ts";

const { CI = "" } = process.env;
const TOOLS = [
  ["ip", ["-V"], "iproute2"],
  ["nft", ["--version"], "nftables"],
  ["nsenter", ["--version"], "util-linux"],
] as const;

/** What some suites need besides, and the package of Debian that has it. */
const PROGRAMS = {
  "dpkg-query": [["--version"], "dpkg"],
  kubectl: [["version", "--client"], "kubernetes-client"],
  prometheus: [["--version"], "prometheus"],
  promtool: [["--version"], "prometheus"],
  setpriv: [["--version"], "util-linux"],
  strip: [["--version"], "binutils"],
  unshare: [["--version"], "util-linux"],
} as const;

type Toolchain = ReturnType<Language["findToolchain"]>;
const toolchains = new Map<Language, Toolchain>();

/** Looked for once: to ask Maven and pip for their versions takes seconds. */
function toolchainOf(language: Language): Toolchain {
  const found = toolchains.get(language) ?? language.findToolchain();
  toolchains.set(language, found);
  return found;
}

/** @returns why there can be no cluster of network namespaces on this machine, with programs of these languages, if so. */
export function missingForBox(languages: readonly Language[] = [go]): string | undefined {
  if (process.getuid?.() !== 0)
    return "network namespaces and nftables take root (CAP_SYS_ADMIN, CAP_NET_ADMIN)";
  for (const [command, args, packageName] of TOOLS) {
    const { error } = spawnSync(command, args);
    if (error !== undefined) return `${command} is not installed (Debian's package ${packageName})`;
  }
  const { status, stderr } = spawnSync("ip", ["netns", "list"], { encoding: "utf8" });
  if (status !== 0) return `ip netns: ${stderr}`;
  for (const language of languages) {
    const found = toolchainOf(language);
    if ("missing" in found) return `${language.name}: ${found.missing}`;
  }
  return missingKubelab() ?? missingOpenssl();
}

/** @returns which of these programs is not on this machine, if one is not. */
export function missingPrograms(names: readonly (keyof typeof PROGRAMS)[]): string | undefined {
  for (const name of names) {
    const [args, packageName] = PROGRAMS[name];
    if (spawnSync(name, args).error !== undefined)
      return `${name} is not installed (Debian's package ${packageName})`;
  }
  return undefined;
}

/**
 * What a suite is described with: its limit, with time for the first build of everything, and why it is skipped, if so.
 *
 * @throws Error in CI, where none may be skipped.
 */
export function boxSuite(
  languages: readonly Language[] = [go],
  programs: readonly (keyof typeof PROGRAMS)[] = [],
): { skip: string | false; timeout: number } {
  const missing = missingForBox(languages) ?? missingPrograms(programs);
  if (missing !== undefined && CI !== "") throw new Error(missing);
  return { skip: missing ?? false, timeout: 30 * 60_000 };
}

/** Builds the programs of the languages, unless they are. */
export async function buildPrograms(languages: readonly Language[]): Promise<void> {
  for (const language of languages) {
    const found = toolchainOf(language);
    if ("versions" in found) await build(language, found.versions);
  }
}
