import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "../../src/base/random.ts";
import { SmallBuffers } from "./small-buffers.ts";
import { SoakChild } from "./soak-child.ts";
import type { Residue, Tally } from "./soak-message.ts";

const CLIENTS = 2;
const WARM_UP_MS = 4000;
const CHURN_MS = 400;

/** How a soak runs. */
export interface SoakOptions {
  readonly seed: number;
  /** Length of the measured run, after a warm-up. */
  readonly milliseconds: number;
  /** Whether all processes live in a network whose sockets hold 4 KiB. */
  readonly smallBuffers: boolean;
  /** Whether the proxy recycles blocks that the kernel has not taken yet: this must be found. */
  readonly recycleEarly?: boolean;
  readonly onProgress?: (text: string) => void;
}

/** What a soak found. */
export interface SoakReport {
  readonly before: Residue;
  readonly after: Residue;
  readonly clients: readonly Tally[];
  readonly backends: Tally;
  /** What never came to rest, "" when all did. */
  readonly restless: string;
}

/**
 * Random traffic with churn and aborts through a data plane in a process of its own; every body and header value is made from
 * its stream's key and looked at octet by octet on both sides.
 *
 * @throws Error when a process ends early, or small buffers are asked for where they cannot be had.
 */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const network = options.smallBuffers ? SmallBuffers.create() : undefined;
  if (options.smallBuffers && network === undefined)
    throw new Error("no network namespace can be made: not root?");
  const namespace = network?.namespace ?? "";
  const children: SoakChild[] = [];
  const start = async (module: string, args: readonly string[] = []): Promise<SoakChild> => {
    const child = await SoakChild.start(module, namespace, args);
    children.push(child);
    return child;
  };
  try {
    const proxy = await start("./proxy-child.ts", options.recycleEarly === true ? ["recycle-early"] : []);
    const backends = await start("./backend-child.ts", [String(options.seed)]);
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => start("./client-child.ts")));
    return await run(options, proxy, backends, clients);
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    network?.remove();
  }
}

async function run(
  options: SoakOptions,
  proxy: SoakChild,
  backends: SoakChild,
  clients: readonly SoakChild[],
): Promise<SoakReport> {
  const random = new SeededRandom(options.seed);
  const ports = await backends.ask<number[]>({ ask: "churn", draw: 0 });
  const traffic = async (milliseconds: number, what: string): Promise<Tally[]> => {
    const port = await proxy.ask<number>({ ask: "apply", ports });
    let running = true;
    const tallies = Promise.all(
      clients.map((client, i) => {
        const seed = options.seed * 1000 + i * 100;
        return client.ask<Tally>({ ask: "run", port, seed, milliseconds });
      }),
    ).finally(() => {
      running = false;
    });
    const started = performance.now();
    while (running) {
      await Promise.race([sleep(CHURN_MS), tallies]);
      const left = Math.max(0, Math.round((milliseconds - performance.now() + started) / 1000));
      options.onProgress?.(`${what}, ${left} s left`);
      if (running) await churn(proxy, backends, ports, random.nextInt(2 ** 30));
    }
    return tallies;
  };
  await traffic(WARM_UP_MS, "warming up");
  let restless = await proxy.ask<string>({ ask: "quiesce" });
  const before = await proxy.ask<Residue>({ ask: "measure" });
  const tallies = await traffic(options.milliseconds, "soaking");
  restless ||= await proxy.ask<string>({ ask: "quiesce" });
  const after = await proxy.ask<Residue>({ ask: "measure" });
  return { before, after, clients: tallies, backends: await backends.ask<Tally>({ ask: "tally" }), restless };
}

/** Endpoints come and go, say goodbye and drop connections. */
async function churn(
  proxy: SoakChild,
  backends: SoakChild,
  ports: readonly number[],
  draw: number,
): Promise<void> {
  if (draw % 2 === 0) {
    await backends.ask({ ask: "churn", draw: draw >>> 1 });
    return;
  }
  const left = ports.filter((_, i) => ((draw >>> (4 + i)) & 1) === 1);
  await proxy.ask({ ask: "apply", ports: left.length > 0 ? left : ports });
}
