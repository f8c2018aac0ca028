import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { parsePlan } from "../../capture/plan.ts";
import { runCommand } from "../../capture/run-command.ts";
import { tableContent } from "../../capture/table-content.ts";
import { wholeTable } from "../../capture/table-text.ts";
import { clashesWith } from "./address-clash.ts";
import type { Finding } from "./finding.ts";
import { kernelFinding } from "./kernel-finding.ts";
import { bad, good } from "./make-finding.ts";

/** Only ever given to `nft --check`. */
const TABLE = "isobar_preflight";
/** Where Cilium pins what turns connections to Services away before they are packets. Source: Cilium 1.14, pkg/socketlb. */
const CILIUM_SOCKET_LB = "/sys/fs/bpf/cilium/socketlb";
const TOOLS = [
  ["nft", ["--version"], "nftables"],
  ["ip", ["-V"], "iproute2"],
  ["ss", ["-V"], "iproute2"],
] as const;

/** Whether `isobar capture` can work on this machine: kernel, tools, nftables tried in the kernel without effect, and what stands in its way. */
export async function localFindings(): Promise<readonly Finding[]> {
  const findings = [kernelFinding(release(), [])];
  const missing: string[] = [];
  for (const [tool, args, name] of TOOLS)
    if (!(await works(tool, args))) missing.push(`${tool} (Debian's ${name})`);
  findings.push(
    missing.length === 0
      ? good("tools", "nft, ip and ss are there")
      : bad(
          "tools",
          [],
          `missing: ${missing.join(", ")}`,
          "the image has them; on a node outside of it install them",
        ),
  );
  if (missing.length > 0) return findings;
  findings.push(await nftFinding(), await addressFinding(), await kubeProxyFinding(), ...socketFindings());
  return findings;
}

/** @returns a whole table as a node with one captured Service and callers of all kinds would have it. */
export function samplePreflightTable(): string {
  const caller = { transparent: true, mode: "transparent", reclaim: true };
  const plan = parsePlan(
    JSON.stringify({
      format: 1,
      version: "preflight",
      services: [
        {
          service: "preflight.isobar-system:1",
          addresses: ["192.0.2.1", "2001:db8::1"],
          port: 1,
          anyIp4: "240.18.0.1",
          anyIp6: "fd00:77::1",
        },
      ],
      callers: [
        { ...caller, addresses: ["192.0.2.2", "2001:db8::2"], failClosed: false },
        { ...caller, addresses: ["192.0.2.3", "2001:db8::3"], failClosed: true },
      ],
      entries: [{ address: "169.254.77.1", port: 15_001 }],
    }),
  );
  const content = tableContent({ plan, port: 1, all: [plan] });
  return wholeTable(TABLE, content, { openMs: 1_000, aliveMs: new Map([[1, 1_000]]) });
}

async function nftFinding(): Promise<Finding> {
  try {
    await runCommand("nft", ["--check", "-f", "-"], samplePreflightTable());
    return good(
      "nftables",
      "the kernel takes the table that capture needs (nft --check; nothing was changed)",
    );
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const isForbidden = /not permitted|permission denied/i.test(said);
    return bad(
      "nftables",
      [],
      said.split("\n").slice(0, 2).join(" "),
      isForbidden
        ? "run it with NET_ADMIN, as root of the node or in the container capture"
        : "load nf_tables, nft_nat, nft_reject_inet and nft_ct; without them only the modes address by node IP and proxy-env work",
    );
  }
}

interface Route {
  readonly dst?: string;
  readonly type?: string;
  readonly dev?: string;
}

async function addressFinding(): Promise<Finding> {
  const clashes: string[] = [];
  for (const family of ["-4", "-6"]) {
    const text = await runCommand("ip", ["-j", family, "route", "show", "table", "all"]).catch(() => "[]");
    for (const { dst = "", type = "", dev = "" } of JSON.parse(text || "[]") as readonly Route[]) {
      const own = clashesWith(dst);
      // What capture itself makes.
      if (own !== undefined && !(type === "local" && dev === "lo"))
        clashes.push(`${dst} dev ${dev} and our ${own}`);
    }
  }
  return clashes.length === 0
    ? good("addresses", "240.18.0.0/16, 169.254.77.1 and fd00:77::/64 are free")
    : bad(
        "addresses",
        [],
        clashes.join("; "),
        "choose others: capture.anyIp and capture.address of the configuration",
      );
}

async function kubeProxyFinding(): Promise<Finding> {
  const tables = await runCommand("nft", ["list", "tables"]).catch(() => "");
  if (/\bkube-proxy\b/.test(tables)) return good("kube-proxy", "nftables: connections fall back to it");
  const ipvs = readOr("/proc/net/ip_vs").split("\n").length > 4;
  if (ipvs) return good("kube-proxy", "IPVS: connections fall back to it");
  const chains = await runCommand("nft", ["list", "chains"]).catch(() => "");
  if (/KUBE-SERVICES/.test(chains)) return good("kube-proxy", "iptables: connections fall back to it");
  return {
    level: "warning",
    check: "kube-proxy",
    where: [],
    found: "none of its tables is seen here",
    toDo: "with Cilium in its place see socket LB below; in another network namespace than the node's look there",
  };
}

/** The programs are there with `hostNamespaceOnly`, too, and then leave Pods alone: only Cilium's configuration says which it is. */
function socketFindings(): Finding[] {
  if (!existsSync(CILIUM_SOCKET_LB)) return [];
  return [
    {
      level: "warning",
      check: "socket LB",
      where: [],
      found:
        "Cilium's is here: unless socketLB.hostNamespaceOnly is true it decides in the sockets of Pods where connections to Services go, and none reaches the table",
      toDo: "isobar doctor --preflight reads which it is; set socketLB.hostNamespaceOnly=true in Cilium's values, or use the mode address or proxy-env",
    },
  ];
}

function works(command: string, args: readonly string[]): Promise<boolean> {
  return runCommand(command, args).then(
    () => true,
    () => false,
  );
}

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
