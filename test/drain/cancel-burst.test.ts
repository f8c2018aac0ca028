import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { go } from "../clients/harness/go.ts";
import { java } from "../clients/harness/java.ts";
import { RealProxy } from "../interop/harness/real-proxy.ts";
import { Backend } from "./harness/backend.ts";
import { callUnary, echoClient } from "./harness/echo-client.ts";
import { haveBuilt } from "./harness/languages.ts";
import { JS_SERVER } from "./harness/load-client.ts";

const AUTHORITY = "echo.default.svc.cluster.local:50051";
const CANCELS = 5_000;
const WAVE = 500;
/** Of each wave so many have reached the endpoint before they are cancelled. */
const ARRIVED = 0.9;
const CANCELLED = 1;

describe(`${CANCELS.toLocaleString("en")} streams cancelled in a burst by a client that does nothing wrong`, () => {
  for (const [name, program, languages] of [
    ["node:http2", JS_SERVER, []],
    ["grpc-go", go.program, [go]],
    ["grpc-java", java.program, [java]],
  ] as const) {
    it(`cost neither it nor another client of the same endpoint a call: ${name}`, async (context) => {
      if (!(await haveBuilt(languages, context))) return;
      const folder = await mkdtemp(join(tmpdir(), "isobar-cancels-"));
      const backend = await Backend.start(program, name, join(folder, "journal"));
      const proxy = await RealProxy.start({ clusters: [{ name: AUTHORITY, endpoints: [backend.address] }] });
      const hasty = echoClient(proxy.address, AUTHORITY);
      const other = echoClient(proxy.address, AUTHORITY);
      const failures: string[] = [];
      let calls = 0;
      let running = true;
      const load = [hasty, other].map(async (client, each) => {
        while (running) {
          const error = await callUnary(client, "", 2);
          calls++;
          if (error !== null) failures.push(`${each === 0 ? "its own" : "the other's"}: ${error.message}`);
        }
      });
      try {
        let cancelled = 0;
        const started = performance.now();
        for (let wave = 0; wave < CANCELS / WAVE; wave++) {
          const before = await proxy.metric("isobar_attempts_total");
          const streams = Array.from({ length: WAVE }, () => {
            return hasty.serverStream({ replies: 1, delay_ms: 60_000 });
          });
          const ends = streams.map((stream) => {
            stream.resume();
            return new Promise<void>((resolve) => {
              stream.on("error", (error: Error & { code?: number }) => {
                if (error.code === CANCELLED) cancelled++;
                else failures.push(`a stream to be cancelled: ${error.message}`);
                resolve();
              });
              stream.on("end", resolve);
            });
          });
          const limit = performance.now() + 10_000;
          while ((await proxy.metric("isobar_attempts_total")) - before < WAVE * ARRIVED) {
            assert.ok(performance.now() < limit, "the streams never reached the endpoint");
            await sleep(5);
          }
          for (const stream of streams) stream.cancel();
          await Promise.all(ends);
        }
        const seconds = (performance.now() - started) / 1000;
        await sleep(500);
        running = false;
        await Promise.all(load);
        context.diagnostic(`${cancelled} cancelled in ${seconds.toFixed(1)} s, ${calls} calls beside them`);
        assert.deepEqual(failures, []);
        assert.equal(cancelled, CANCELS);
        assert.ok(calls > 20, `${calls} calls`);
        assert.equal(await proxy.blamed(), 0);
        assert.equal(await proxy.metric("isobar_downstream_connections"), 2);
      } finally {
        running = false;
        hasty.close();
        other.close();
        await Promise.all([proxy.stop(), backend.child.stop()]);
        await rm(folder, { recursive: true, force: true });
      }
    });
  }
});
