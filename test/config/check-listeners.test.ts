import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatConfigProblem } from "../../src/config/config-problem.ts";
import { parseConfig } from "../../src/config/parse-config.ts";

function problems(listener: string, cluster = ""): string[] {
  const text = `admin: { address: 127.0.0.1:15000 }\nmetrics: { address: 0.0.0.0:15020 }\nlisteners: [{ name: l, address: 10.0.0.1:15001${listener} }]\n${cluster}`;
  return (parseConfig(text, { file: "f.yaml", env: {} }).problems ?? []).map(formatConfigProblem);
}

function clusterAt(address: string): string {
  return `clusters: [{ name: "a.test:1", endpoints: [{ address: "${address}" }] }]\n`;
}

describe("listeners of the configuration", () => {
  it("may declare protocol, cluster, sources and tunnels", () => {
    const listener =
      ', protocol: tcp, cluster: "A.test:1", allowedSources: [10.0.0.0/8, "::1"], connect: { allowedTargets: ["*.x.test:443", "[fd00::/8]:1", 203.0.113.0/24], deniedRanges: [10.1.0.0/16] }';
    assert.deepEqual(problems(listener, clusterAt("10.0.0.9:1")), []);
  });

  it("are refused with what would be right", () => {
    for (const [listener, wanted] of [
      [", protocol: udp", /wanted auto, http2, http1, tls or tcp/],
      [", protocol: tcp", /wanted a cluster that the connections are for/],
      [
        ", cluster: nobody.test:1",
        /listeners\[0\]\.cluster: found "nobody.test:1", wanted the name of one of the clusters/,
      ],
      [
        ", allowedSources: [10.0.0.1/8]",
        /allowedSources\[0\]: found "10.0.0.1\/8", wanted an address, or a range/,
      ],
      [
        ", connect: { allowedTargets: [http://x] }",
        /allowedTargets\[0\]: found "http:\/\/x", wanted a host name/,
      ],
      [", connect: { deniedRanges: [x] }", /deniedRanges\[0\]: found "x", wanted an address, or a range/],
    ] as const) {
      assert.match(problems(listener, clusterAt("10.0.0.9:1")).join("\n"), wanted, listener);
    }
  });

  it("are no endpoints, nor are admin and metrics: neither a loop nor a way in", () => {
    for (const [address, own] of [
      ["10.0.0.1:15001", "listeners[0].address"],
      ["127.0.0.1:15000", "admin.address"],
      ["127.0.0.1:15020", "metrics.address"],
      ["127.9.9.9:15020", "metrics.address"],
    ] as const) {
      const [problem = "", ...more] = problems("", clusterAt(address));
      assert.ok(problem.includes(`wanted an address other than the proxy's own ${own}`), problem);
      assert.deepEqual(more, []);
    }
    assert.deepEqual(problems("", clusterAt("10.0.0.2:15001")), []);
  });
});
