import type { ChildProcess } from "node:child_process";
import { fork, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { ClientHttp2Session } from "node:http2";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePorts } from "../support/free-ports.ts";

const LAUNCHER = fileURLToPath(new URL("../../src/cli/launch.mjs", import.meta.url));
const BACKENDS = fileURLToPath(new URL("./queueing-backends.ts", import.meta.url));

/** One policy that is tried: a cluster of its own with endpoints of its own, at all proxies. */
export interface LivePolicy {
  readonly name: string;
  /** As the configuration has it, in YAML's flow style. */
  readonly loadBalancer: string;
}

/** A request of {@link LiveFleet.play}. */
export interface LiveRequest {
  readonly atMs: number;
  readonly serviceMs: number;
  readonly proxy: number;
}

/** Isobar processes on loopback, as many as asked for, in front of endpoints that queue. */
export class LiveFleet {
  readonly #children: ChildProcess[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "isobar-fleet-"));
  #sessions: ClientHttp2Session[] = [];

  async start(proxyCount: number, endpointCount: number, policies: readonly LivePolicy[]): Promise<void> {
    const backends = fork(BACKENDS, [String(endpointCount * policies.length)]);
    this.#children.push(backends);
    const ports = await new Promise<number[]>((resolve) =>
      backends.once("message", (m) => resolve(m as number[])),
    );
    const clusters = policies.map(({ name, loadBalancer }, i) => {
      const own = ports.slice(i * endpointCount, (i + 1) * endpointCount);
      const endpoints = own.map((port) => `{ address: "127.0.0.1:${port}" }`).join(", ");
      return `  - { name: ${name}, loadBalancer: ${loadBalancer}, endpoints: [${endpoints}] }`;
    });
    const free = await freePorts(proxyCount * 2);
    await Promise.all(
      Array.from({ length: proxyCount }, async (_, i) => {
        const [listen, admin] = [free[2 * i]!, free[2 * i + 1]!];
        const text = [
          `node: { id: node-${i} }`,
          `fleet: { nodeIndex: ${i}, nodeCount: ${proxyCount} }`,
          `admin: { address: "127.0.0.1:${admin}" }`,
          `listeners: [{ name: local, address: "127.0.0.1:${listen}" }]`,
          "clusters:",
          ...clusters,
        ];
        const file = join(this.#folder, `${i}.yaml`);
        writeFileSync(file, text.join("\n"));
        await this.#startProxy(file, admin);
        this.#sessions[i] = connect(`http://127.0.0.1:${listen}`);
      }),
    );
  }

  /**
   * Sends the same requests to each policy's cluster, all at the same time.
   *
   * @returns latencies in ms by policy and request, NaN for what failed; and how late a timer of 1 ms was, each time.
   */
  async play(
    requests: readonly LiveRequest[],
    policies: readonly LivePolicy[],
  ): Promise<{ readonly latencies: Float64Array[]; readonly latenessesMs: number[] }> {
    const latenessesMs: number[] = [];
    const latencies = policies.map(() => new Float64Array(requests.length).fill(Number.NaN));
    const startMs = performance.now();
    const ends: Promise<void>[] = [];
    for (let next = 0; next < requests.length; ) {
      const elapsedMs = performance.now() - startMs;
      for (; next < requests.length && requests[next]!.atMs <= elapsedMs; next++) {
        const index = next;
        policies.forEach(({ name }, policy) => {
          ends.push(this.#send(requests[index]!, name, latencies[policy]!, index));
        });
      }
      const beforeMs = performance.now();
      await sleep(1);
      latenessesMs.push(performance.now() - beforeMs - 1);
    }
    await Promise.all(ends);
    return { latencies, latenessesMs };
  }

  /** Ends all processes. */
  stop(): void {
    for (const session of this.#sessions) session.destroy();
    for (const child of this.#children) child.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true });
  }

  #send(
    { serviceMs, proxy }: LiveRequest,
    authority: string,
    into: Float64Array,
    index: number,
  ): Promise<void> {
    const sentMs = performance.now();
    const stream = this.#sessions[proxy]!.request(
      {
        ":method": "POST",
        ":path": "/test.Service/Call",
        ":authority": authority,
        "content-type": "application/grpc",
        te: "trailers",
        "x-service-ms": serviceMs.toFixed(3),
      },
      { endStream: true },
    );
    return new Promise((resolve) => {
      stream.on("response", (headers) => {
        if (headers["grpc-status"] === "0") into[index] = performance.now() - sentMs;
      });
      stream.on("error", () => {});
      stream.on("close", resolve);
      stream.resume();
    });
  }

  async #startProxy(file: string, adminPort: number): Promise<void> {
    const child = spawn(process.execPath, [LAUNCHER, "proxy", "--config", file], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#children.push(child);
    let output = "";
    child.stderr!.setEncoding("utf8").on("data", (text) => (output += text));
    const giveUpAtMs = performance.now() + 60_000;
    for (;;) {
      const ready = await fetch(`http://127.0.0.1:${adminPort}/ready`).catch(() => undefined);
      await ready?.text();
      if (ready?.ok === true) return;
      if (performance.now() > giveUpAtMs || child.exitCode !== null) throw new Error(`not ready:\n${output}`);
      await sleep(100);
    }
  }
}
