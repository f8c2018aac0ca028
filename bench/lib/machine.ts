import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { places } from "./places.ts";
import type { RunningProxy } from "./proxy-kinds.ts";
import { firstLine } from "./proxy-kinds.ts";

/** What the figures were measured on and with. */
export function describeMachine(proxies: RunningProxy[]) {
  const grpc = /google\.golang\.org\/grpc v(\S+)/.exec(readFileSync(`${places.goBackend}/go.mod`, "utf8"));
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 1e9),
    kernel: release(),
    congestionControl: readFileSync("/proc/sys/net/ipv4/tcp_congestion_control", "utf8").trim(),
    versions: {
      node: process.versions.node,
      cc: firstLine("cc", ["--version"]),
      h2load: firstLine("h2load", ["--version"]),
      strace: firstLine("strace", ["-V"]),
      go: firstLine("go", ["version"]),
      grpcGo: grpc?.[1] ?? "unknown",
      ...Object.fromEntries(proxies.map((proxy) => [proxy.name, proxy.version])),
    },
  };
}
