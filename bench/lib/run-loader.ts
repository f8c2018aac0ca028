import type { Context } from "./context.ts";
import { places } from "./places.ts";
import { runProgram } from "./run-program.ts";

/** One shape of load. */
export interface Load {
  connections: number;
  streams: number;
  seconds?: number;
  requests?: number;
  /** Open loop: requests per second. */
  rate?: number;
  /** Ten metadata fields beside the seven usual ones. */
  headers17?: boolean;
  /** Length of the response message. */
  messageOctets?: number;
  /** Messages in each response, one DATA frame each. */
  messages?: number;
  /** Where it connects to; default: 127.0.0.1. */
  host?: string;
  /** Connections come from so many addresses in turn, from `firstCaller` on; default: from 127.0.0.1. */
  callers?: number;
  firstCaller?: string;
  /** Another core than the loader's. */
  core?: number;
}

/** What the load generator prints. */
export interface LoaderResult {
  requests: number;
  seconds: number;
  requestsPerSecond: number;
  errors: number;
  errorKinds: Record<string, number>;
  reads: number;
  writes: number;
  octetsSent: number;
  octetsReceived: number;
  requestsPerRead: number;
  requestsPerWrite: number;
  cpuSeconds: number;
  latencyMicros: { mean: number; p50: number; p90: number; p99: number; p999: number; max: number };
}

/** Runs the load generator against a loopback port on the loader's core. */
export async function runLoader(context: Context, port: number, load: Load): Promise<LoaderResult> {
  const seconds = load.seconds ?? context.options.seconds;
  const output = await runProgram(
    load.core ?? context.options.loaderCore,
    context.programs.loader,
    loaderArguments(port, { ...load, seconds }),
    seconds,
  );
  return JSON.parse(output) as LoaderResult;
}

/** The load generator's command line for a shape of load. */
export function loaderArguments(port: number, load: Load): string[] {
  const args = ["--port", String(port), "--authority", places.authority];
  args.push("--connections", String(load.connections), "--streams", String(load.streams));
  if (load.seconds !== undefined) args.push("--seconds", String(load.seconds));
  if (load.requests !== undefined) args.push("--requests", String(load.requests));
  if (load.rate !== undefined) args.push("--rate", String(load.rate));
  if (load.messageOctets !== undefined) args.push("--message-octets", String(load.messageOctets));
  if (load.messages !== undefined) args.push("--messages", String(load.messages));
  if (load.host !== undefined) args.push("--host", load.host);
  if (load.callers !== undefined) args.push("--callers", String(load.callers));
  if (load.firstCaller !== undefined) args.push("--first-caller", load.firstCaller);
  if (load.headers17) args.push("--headers17");
  return args;
}
