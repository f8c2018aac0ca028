import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Metadata } from "@grpc/grpc-js";
import { Client, credentials } from "@grpc/grpc-js";
import { build, FetchError } from "../clients/harness/build.ts";
import { RealProxy } from "../interop/harness/real-proxy.ts";
import { REPORTER, Reporter } from "./reporter.ts";

const { CI = "" } = process.env;
const LIMIT_MS = 15 * 60_000;
const NAME = "reports.test:50051";
const CHECK = "/grpc.health.v1.Health/Check";
const REPORT = "endpoint-load-metrics-bin";
const SETTLE_LIMIT_MS = 20_000;

async function isBuilt(context: TestContext): Promise<boolean> {
  const found = REPORTER.findToolchain();
  if ("missing" in found) {
    assert.equal(CI, "", `CI requires every toolchain: ${found.missing}`);
    context.skip(found.missing);
    return false;
  }
  try {
    await build(REPORTER, found.versions);
    return true;
  } catch (error) {
    if (CI !== "" || !(error instanceof FetchError)) throw error;
    context.skip(`${REPORTER.name}: its packages could not be fetched: ${error.message}`);
    return false;
  }
}

interface Answer {
  readonly servedBy: string;
  readonly trailers: Metadata;
}

/** A client with connections of its own, one for each of so many. */
class Caller {
  readonly #clients: readonly Client[];
  #next = 0;

  constructor(address: string, connections: number) {
    this.#clients = Array.from(
      { length: connections },
      () =>
        new Client(address, credentials.createInsecure(), {
          "grpc.default_authority": NAME,
          "grpc.use_local_subchannel_pool": 1,
        }),
    );
  }

  call(): Promise<Answer> {
    const identity = (octets: Buffer): Buffer => octets;
    const client = this.#clients[this.#next++ % this.#clients.length]!;
    return new Promise((resolve, reject) => {
      let servedBy = "";
      const call = client.makeUnaryRequest(CHECK, identity, identity, Buffer.alloc(0), (error) => {
        if (error !== null) reject(error);
      });
      call.on("metadata", (metadata) => {
        servedBy = String(metadata.get("served-by")[0]);
      });
      call.on("status", ({ metadata }) => resolve({ servedBy, trailers: metadata }));
    });
  }

  /** @returns how many of so many calls each server has had. */
  async spread(calls: number): Promise<Readonly<Record<string, number>>> {
    const spread: Record<string, number> = {};
    for (let i = 0; i < calls; i++) {
      const { servedBy, trailers } = await this.call();
      assert.deepEqual(trailers.get(REPORT), []);
      spread[servedBy] = (spread[servedBy] ?? 0) + 1;
    }
    return spread;
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
  }
}

/** Calls until the light server has about four times as many calls as the busy one, as their reports ask for. */
async function weightsFollow(caller: Caller): Promise<void> {
  const limit = performance.now() + SETTLE_LIMIT_MS;
  for (;;) {
    const { light = 0, busy = 0 } = await caller.spread(200);
    const ratio = light / Math.max(1, busy);
    if (ratio > 3.6 && ratio < 4.4) return;
    if (performance.now() > limit) throw new Error(`light and busy have ${light} and ${busy} of 200 calls`);
    await sleep(200);
  }
}

describe("reports of grpc-go servers", { timeout: LIMIT_MS }, () => {
  for (const concurrency of [1, 2]) {
    const workers = concurrency === 1 ? "one worker" : `${concurrency} workers`;
    for (const outOfBand of [false, true]) {
      const how = outOfBand ? "out of band" : "with each answer";
      it(`${how} reach ${workers}, and their weights follow`, async (context) => {
        if (!(await isBuilt(context))) return;
        await using light = await Reporter.start({ id: "light", utilization: 0.2, qps: 100, outOfBand });
        await using busy = await Reporter.start({ id: "busy", utilization: 0.8, qps: 100, outOfBand });
        const loadReports = outOfBand ? "outOfBandMs: 1000" : "perRequest: true";
        await using proxy = await RealProxy.start({
          concurrency,
          clusters: [
            {
              name: NAME,
              endpoints: [light.address, busy.address],
              keys: [
                "loadBalancer:",
                "  policy: client_side_weighted_round_robin",
                `  loadReports: { ${loadReports}, blackoutMs: 0, weightUpdateMs: 100 }`,
              ],
            },
          ],
        });
        using caller = new Caller(proxy.address, 2 * concurrency);
        await weightsFollow(caller);
        const kind = outOfBand ? "out_of_band" : "per_request";
        assert.ok((await proxy.metric("isobar_load_reports_total", { kind, result: "used" })) > 0);
        assert.equal(await proxy.metric("isobar_load_reports_total", { kind, result: "malformed" }), 0);
        assert.equal(await proxy.metric("isobar_load_report_streams"), outOfBand ? 2 : 0);
        assert.equal(await proxy.blamed(), 0);
      });
    }
  }
});
