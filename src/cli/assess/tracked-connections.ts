import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { systemErrorText } from "../../config/system-error-text.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";

/** An open TCP connection as the kernel of a node tracks it. */
export interface TrackedConnection {
  /** Address of who opened it. */
  readonly client: string;
  /** `address:port` it was opened to: a Service's, or an endpoint's own. */
  readonly to: string;
  /** `address:port` that answers; another than `to` where something on this node translated it. */
  readonly endpoint: string;
}

const TABLE = "/proc/net/nf_conntrack";
const MAX_OCTETS = 256 * 1_048_576;
/** Both have this in every line; one of them writes the family in front. Source: Linux, nf_conntrack_standalone.c; conntrack-tools. */
const LINE =
  /\btcp +6 .*?\bESTABLISHED src=(\S+) dst=(\S+) sport=\d+ dport=(\d+) .*?\bsrc=(\S+) dst=\S+ sport=(\d+) dport=\d+/;

/** Reads what the kernel tracks in this network namespace, and changes nothing. @throws ExitError where that cannot be read. */
export async function trackedConnections(): Promise<readonly TrackedConnection[]> {
  const ofKernel = await readFile(TABLE, "utf8").catch((error: unknown) => systemErrorOf(error));
  if (typeof ofKernel === "string") return parseConntrack(ofKernel);
  const ofTool = await listByTool();
  if (typeof ofTool === "string") return parseConntrack(ofTool);
  throw new ExitError(
    ExitCode.unavailable,
    `assess --observe: the node's connections cannot be read: ${TABLE}: ${ofKernel.why}; conntrack -L: ${ofTool.why}; run it as root in the node's network namespace`,
  );
}

/** @returns the established ones of a listing in either form. */
export function parseConntrack(text: string): readonly TrackedConnection[] {
  const connections: TrackedConnection[] = [];
  for (const line of text.split("\n")) {
    const [, client, to, port, endpoint, endpointPort] = LINE.exec(line) ?? [];
    if (client === undefined) continue;
    connections.push({
      client,
      to: joined(to!, port!),
      endpoint: joined(endpoint!, endpointPort!),
    });
  }
  return connections;
}

function joined(address: string, port: string): string {
  return address.includes(":") ? `[${shortIpv6(address)}]:${port}` : `${address}:${port}`;
}

/** The kernel writes all zeros of an address, Kubernetes none. */
function shortIpv6(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function systemErrorOf(error: unknown): { readonly why: string } {
  return { why: systemErrorText(error) };
}

function listByTool(): Promise<string | { readonly why: string }> {
  return new Promise((resolve) => {
    execFile("conntrack", ["-L", "-p", "tcp"], { maxBuffer: MAX_OCTETS }, (error, stdout) =>
      resolve(error === null ? stdout : systemErrorOf(error)),
    );
  });
}
