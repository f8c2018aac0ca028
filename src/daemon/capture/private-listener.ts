import { existsSync } from "node:fs";
import type { Config } from "../../config/config.ts";
import { CAPTURE_LISTENER } from "../../proxy/callers/capture-listener.ts";
import type { WorkerListener } from "../worker-messages.ts";

/**
 * @returns the listener of captured connections: a port that the kernel chooses, on all addresses of both families, because the addresses of a
 * range that is routed here are on no interface. Who may come in is decided by who calls, not by ranges.
 */
export function privateListener({ connect, anyIp }: NonNullable<Config["capture"]>): WorkerListener {
  const hasIpv6 = existsSync("/proc/net/if_inet6");
  return {
    name: CAPTURE_LISTENER,
    address: hasIpv6 ? "[::]:0" : "0.0.0.0:0",
    protocol: "auto",
    allowedSources: ["0.0.0.0/0", "::/0"],
    // The ranges lead back to this machine, and are on no interface by which that could be known.
    connect: { ...connect, deniedRanges: [...connect.deniedRanges, anyIp.ipv4, anyIp.ipv6] },
  };
}
