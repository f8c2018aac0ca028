import { isIP } from "node:net";
import { describeFound } from "./config-problem.ts";
import type { CrossFinding } from "./cross-finding.ts";

/** Stands for the host of an address; no name of a machine has an underscore. */
const PREFIX = "HOST_IP:";

/** An address whose host the environment has. */
export type HostAddress =
  | { readonly address: string }
  /** The environment has none: what is said of it. */
  | { readonly problem: Omit<CrossFinding, "path"> };

/**
 * Puts the machine's own address into `HOST_IP:port`: a node's configuration is the same file on every node.
 *
 * @param hostIp the environment's HOST_IP, as a DaemonSet sets it from `status.hostIP`; "" where it is not set.
 * @returns undefined for a value that is no such text. Whether the port is one is not looked at.
 */
export function hostAddress(value: unknown, hostIp: string): HostAddress | undefined {
  if (typeof value !== "string" || !value.startsWith(PREFIX)) return undefined;
  const family = isIP(hostIp);
  const port = value.slice(PREFIX.length);
  if (family !== 0) return { address: `${family === 6 ? `[${hostIp}]` : hostIp}:${port}` };
  const holds = hostIp === "" ? "is not set" : `is ${describeFound(hostIp)}`;
  return {
    problem: {
      found: `${describeFound(value)}, where the environment variable HOST_IP ${holds}`,
      wanted: "an IP address in HOST_IP",
      advice: "set it, in a Pod from status.hostIP, or write the address in place of HOST_IP",
    },
  };
}
