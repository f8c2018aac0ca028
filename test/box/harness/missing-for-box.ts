import { spawnSync } from "node:child_process";
import { missingKubelab } from "../../kube/harness/build-kubelab.ts";

const TOOLS = [
  ["ip", ["-V"], "iproute2"],
  ["nft", ["--version"], "nftables"],
  ["nsenter", ["--version"], "util-linux"],
] as const;

/** @returns why there can be no cluster of network namespaces on this machine, if so. */
export function missingForBox(): string | undefined {
  if (process.getuid?.() !== 0)
    return "network namespaces and nftables take root (CAP_SYS_ADMIN, CAP_NET_ADMIN)";
  for (const [command, args, packageName] of TOOLS) {
    const { error } = spawnSync(command, args);
    if (error !== undefined) return `${command} is not installed (Debian's package ${packageName})`;
  }
  const { status, stderr } = spawnSync("ip", ["netns", "list"], { encoding: "utf8" });
  return status === 0 ? missingKubelab() : `ip netns: ${stderr}`;
}
