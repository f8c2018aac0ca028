import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { it } from "node:test";
import { ExitCode } from "../../src/daemon/exit-code.ts";
import { ProxyProcess } from "./proxy-process.ts";

const RUN = { module: "./proxy-with-fake-worker.ts", nodeOptions: [], metricsHost: "HOST_IP" };
const CLUSTER = "{ name: a, endpoints: [] }";

async function isServedAt(host: string, port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://${host}:${port}/metrics`, { headers: { connection: "close" } });
    return (await response.text()).includes("isobar_build_info");
  } catch {
    return false;
  }
}

/** @returns why an address cannot be tried here; false if it can. Without IPv6 there is no ::1. */
function missing(address: string): string | false {
  if (address !== "::1") return false;
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.some((each) => each.address === address) ? false : `this machine has no ${address}`;
}

for (const [HOST_IP, own, other] of [
  ["127.0.0.2", "127.0.0.2", "127.0.0.1"],
  ["::1", "[::1]", "127.0.0.1"],
] as const) {
  it(`metrics are served at ${HOST_IP} where HOST_IP says so, and nowhere else`, {
    skip: missing(HOST_IP),
  }, async () => {
    const proxy = await ProxyProcess.start(CLUSTER, "", {}, { ...RUN, env: { HOST_IP } });
    try {
      await proxy.ready();
      assert.equal(await isServedAt(own, proxy.ports.metrics), true);
      assert.equal(await isServedAt(other, proxy.ports.metrics), false);
      assert.ok((await proxy.get("/config_dump")).includes(`${own}:${proxy.ports.metrics}`));
    } finally {
      await proxy.stop();
    }
  });
}

it("without HOST_IP, or with another machine's, the proxy does not start and says which address", async () => {
  for (const [HOST_IP, code, words] of [
    ["", ExitCode.usage, /metrics\.address: found "HOST_IP:\d+", where .* HOST_IP is not set/],
    ["192.0.2.1", ExitCode.bindFailed, /metrics\.address: 192\.0\.2\.1:\d+ cannot be bound/],
  ] as const) {
    const proxy = await ProxyProcess.start(CLUSTER, "", {}, { ...RUN, env: { HOST_IP } });
    try {
      assert.equal(await proxy.exited, code);
      assert.match(proxy.stderr, words);
    } finally {
      await proxy.stop();
    }
  }
});
