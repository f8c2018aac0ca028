import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ProxyProcess } from "../../proxy/fixture/proxy-process.ts";
import { until } from "../../proxy/fixture/until.ts";
import { WorkerBackend } from "../../proxy/fixture/worker-backend.ts";
import { LiveLoad } from "./live-load.ts";

const BACKENDS = 3;
const WORKERS = 2;
const FILE = "own.mjs";
/** While it is there, policies misbehave. */
const FLAG = "misbehave";

const FIRST = "n";
const LAST = "count - 1 - n";

/** A policy that takes the first candidate in that order which is not tried, and does something else when the flag is there. */
const policyOf = (order: string, misbehave = ""): string => `
import { existsSync } from "node:fs";
const flag = new URL("./${FLAG}", import.meta.url);
let picks = 0;
let isBad = false;
export function createPicker({ count, slots }) {
  return {
    pick(request) {
      if ((picks++ & 63) === 0) isBad = existsSync(flag);
      if (isBad) { ${misbehave} }
      for (let n = 0; n < count; n++) {
        const index = ${order};
        if (!request.tried.subarray(0, request.triedCount).includes(slots[index])) return index;
      }
      return count - 1;
    },
  };
}
`;

describe("a team's own policy in a running proxy", () => {
  let backends: WorkerBackend[];
  let proxy: ProxyProcess;
  let load: LiveLoad;

  beforeEach(async () => {
    backends = await Promise.all(Array.from({ length: BACKENDS }, (_, i) => WorkerBackend.start(i)));
  });
  afterEach(async () => {
    await proxy.terminate("SIGKILL");
    for (const backend of backends) backend.stop();
  });

  async function start(source: string): Promise<void> {
    proxy = await ProxyProcess.start(
      backends.map(({ port }) => port),
      { concurrency: WORKERS, policy: `module:./${FILE}`, files: { [FILE]: source }, metrics: true },
    );
    load = new LiveLoad(proxy.port);
  }

  const said = (pattern: RegExp): number => proxy.output.match(pattern)?.length ?? 0;

  /** Puts other text into the policy's file and has it read. @param answer what the log is to say. */
  async function edit(source: string, answer = /"message":"reloaded"/g): Promise<void> {
    const before = said(answer);
    await proxy.write(FILE, source);
    proxy.child.kill("SIGHUP");
    await until("it is read", () => said(answer) > before, { limitMs: 20_000, seen: () => proxy.output });
  }

  /** @returns which backends served calls that began from now on. */
  async function serving(): Promise<string> {
    await load.more(0);
    const before = backends.map(({ calls }) => calls);
    await load.more(400);
    return backends.flatMap(({ calls }, i) => (calls > before[i]! ? [i] : [])).join(" ");
  }

  /** Workers take a new policy when they have loaded it. */
  async function becomes(wanted: string): Promise<void> {
    let seen = "";
    const isSo = async (): Promise<boolean> => {
      seen = await serving();
      return seen === wanted;
    };
    await until(`backends ${wanted} serve`, isSo, { limitMs: 20_000, seen: () => seen });
  }

  it("serves under traffic, is replaced when its file has changed, and stays when the file has turned bad", async () => {
    await start(policyOf(FIRST));
    assert.equal(await serving(), "0");
    await edit(policyOf(LAST));
    await becomes("2");
    for (const bad of [
      "export const createPicker = (",
      "export const createPicker = () => ({ pick: () => 7 });",
    ]) {
      await edit(bad, /reload refused/g);
      assert.equal(await serving(), "2");
      assert.equal(await proxy.metric("isobar_config_last_reload_successful"), 0);
    }
    assert.match(proxy.output, /clusters\[0\]\.loadBalancer\.policy/);
    await edit(policyOf(FIRST));
    await becomes("0");
    assert.equal(await proxy.metric("isobar_config_last_reload_successful"), 1);
    assert.equal(await proxy.metric("isobar_policies_dropped_total"), 0);
    await load.stop();
    assert.equal(await proxy.terminate(), 0, proxy.output);
  });

  for (const [reason, fault, misbehave] of [
    ["throws", "throws", 'throw new Error("had enough");'],
    ["slow", "takes over 20 µs", "for (const end = performance.now() + 0.06; performance.now() < end; );"],
  ] as const) {
    it(`that ${fault} is dropped for least_request, told of, and costs no call; an edit is a new chance`, async () => {
      await start(policyOf(FIRST, misbehave));
      assert.equal(await serving(), "0");
      await proxy.write(FLAG, "");
      await until(
        "both threads have dropped it",
        async () => (await proxy.metric("isobar_policies_dropped_total", { reason })) === WORKERS,
        { limitMs: 20_000, seen: () => proxy.output },
      );
      assert.equal(await serving(), "0 1 2");
      assert.equal(said(/policy dropped, least_request serves/g), WORKERS);
      await proxy.remove(FLAG);
      await edit(policyOf(LAST, misbehave));
      await becomes("2");
      await load.stop();
    });
  }
});
