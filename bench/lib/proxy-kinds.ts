import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { RIGHT_PICK } from "./contenders.ts";
import type { PinnedProcess } from "./pinned-process.ts";
import { places } from "./places.ts";
import { programEnv } from "./program-env.ts";
import { rightPick } from "./right-pick.ts";
import type { ConfigExtras } from "./write-isobar-config.ts";
import { writeIsobarConfig } from "./write-isobar-config.ts";

/** How to start one proxy on its fixed port. */
export interface ProxyKind {
  name: string;
  port: number;
  /** The command line, or the reason why it cannot run here. */
  command(): { program: string; args: string[] } | { missing: string };
  version(): string;
}

/** A proxy that has answered its first requests. */
export interface RunningProxy {
  name: string;
  port: number;
  process: PinnedProcess;
  version: string;
}

/** All proxies the benchmark knows, the one under test first. */
export const proxyKinds: ProxyKind[] = [
  isobar("isobar", places.ports.isobar),
  isobar(RIGHT_PICK, places.ports.isobarRightPick, rightPick),
  {
    name: "envoy",
    port: places.ports.envoy,
    command: () =>
      existsSync(places.envoy)
        ? {
            program: places.envoy,
            args: [
              "-c",
              `${places.peers}/envoy.yaml`,
              "--concurrency",
              "1",
              "--disable-hot-restart",
              "-l",
              "error",
            ],
          }
        : { missing: "not installed: run bench/install.sh" },
    version: () => /\/(\d+\.\d+\.\d+)\//.exec(firstLine(places.envoy, ["--version"]))?.[1] ?? "unknown",
  },
  {
    name: "nghttpx",
    port: places.ports.nghttpx,
    command: () => installed("nghttpx", [`--conf=${places.peers}/nghttpx.conf`]),
    version: () => firstLine("nghttpx", ["--version"]),
  },
  {
    name: "haproxy",
    port: places.ports.haproxy,
    command: () => installed("haproxy", ["-db", "-f", `${places.peers}/haproxy.cfg`]),
    version: () => firstLine("haproxy", ["-v"]),
  },
  {
    name: "nginx",
    port: places.ports.nginx,
    command: () => installed("nginx", ["-c", `${places.peers}/nginx.conf`]),
    version: () => firstLine("sh", ["-c", "nginx -v 2>&1"]),
  },
  nodeProxy("node-http2"),
  nodeProxy("grpc-js"),
];

function isobar(name: string, port: number, extras?: ConfigExtras): ProxyKind {
  return {
    name,
    port,
    command: () => {
      const config = writeIsobarConfig(name, port, places.ports.backends, extras);
      return { program: process.execPath, args: [places.launcher, "proxy", "--config", config] };
    },
    version: () =>
      `${firstLine("git", ["-C", places.root, "rev-parse", "--short", "HEAD"])} on Node ${process.versions.node}`,
  };
}

/** A proxy as one writes it on Node in an afternoon. */
function nodeProxy(name: "node-http2" | "grpc-js"): ProxyKind {
  const port = places.ports[name];
  return {
    name,
    port,
    command: () => ({
      program: process.execPath,
      args: [`${places.peers}/${name}-proxy.mjs`, String(port), ...places.ports.backends.map(String)],
    }),
    version: () => `Node ${process.versions.node}`,
  };
}

function installed(
  program: string,
  args: string[],
): { program: string; args: string[] } | { missing: string } {
  return firstLine("sh", ["-c", `command -v ${program}`]) === ""
    ? { missing: "not installed: run bench/install.sh" }
    : { program, args };
}

/** First line a program prints, or an empty string if it cannot run. */
export function firstLine(program: string, args: string[]): string {
  try {
    const output = execFileSync(program, args, {
      env: programEnv,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return output.trim().split("\n")[0] ?? "";
  } catch {
    return "";
  }
}
