// One program that calls, for table.ts: `node calling-client.ts WAY TARGET [AUTHORITY]`. For each line "CALLS IN_FLIGHT" that it is sent it makes so
// many calls, and prints what they took.
import { createInterface } from "node:readline";
import { Client, credentials } from "@grpc/grpc-js";

/** What some calls took. */
export interface CallsTaken {
  /** Processor time of this process, all of it, per call in microseconds. */
  readonly cpuMicros: number;
  /** Time from a call to its answer, in microseconds. */
  readonly medianMicros: number;
  readonly p99Micros: number;
  readonly errors: number;
}

const PAYLOAD = Buffer.concat([Buffer.from([0x0a, 0x64]), Buffer.alloc(100)]);
const same = (octets: Buffer): Buffer => octets;
const [way = "", target = "", authority = ""] = process.argv.slice(2);

if (way === "client") await import("../../src/sdk/client.ts");
else if (way === "grpc-js-xds") (await import("@grpc/grpc-js-xds")).register();
const client = new Client(target, credentials.createInsecure(), {
  "grpc.enable_http_proxy": 0,
  "grpc.enable_channelz": 0,
  ...(authority === "" ? {} : { "grpc.default_authority": authority }),
  ...(way === "direct"
    ? { "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }) }
    : {}),
});

let errors = 0;
function call(): Promise<number> {
  const beganMs = performance.now();
  return new Promise((resolve) => {
    client.makeUnaryRequest("/bench.Echo/Unary", same, same, PAYLOAD, (error) => {
      if (error !== null && errors++ === 0) console.error(way, error.message);
      resolve((performance.now() - beganMs) * 1_000);
    });
  });
}

async function run(calls: number, inFlight: number): Promise<CallsTaken> {
  errors = 0;
  const micros: number[] = [];
  const before = process.cpuUsage();
  let left = calls;
  const caller = async (): Promise<void> => {
    while (left-- > 0) micros.push(await call());
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  const { user, system } = process.cpuUsage(before);
  micros.sort((a, b) => a - b);
  return {
    cpuMicros: (user + system) / calls,
    medianMicros: micros[calls >> 1]!,
    p99Micros: micros[Math.floor(calls * 0.99)]!,
    errors,
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [calls = 0, inFlight = 1] = line.split(" ").map(Number);
  process.stdout.write(`${JSON.stringify(await run(calls, inFlight))}\n`);
}
process.exit(0);
