import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Config } from "../../src/config/config.ts";
import { formatConfigProblem } from "../../src/config/config-problem.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { poolFromConfig, settingsFromConfig } from "../../src/discovery/settings-from-config.ts";

function parse(cluster: string): {
  readonly config?: Config | undefined;
  readonly problems: readonly string[];
} {
  const text = `listeners: [{ name: l, address: 127.0.0.1:15001 }]\nclusters: [{ name: a, endpoints: [], ${cluster} }]\n`;
  const { config, problems } = parseConfig(text, { file: "f.yaml", env: {} });
  return { config, problems: (problems ?? []).map(formatConfigProblem) };
}

describe("what clusters say about requests", () => {
  it("is taken as users write it", () => {
    const { config, problems } = parse(
      "connectionPool: { tcp: { maxConnections: 1000, connectTimeout: 30s }, http: { h2UpgradePolicy: UPGRADE, maxRequestsPerConnection: 1000 } }, " +
        'timeouts: { request: 300s, idle: 3600s, connect: 30s }, retries: { attempts: 3, perTryTimeout: 30s, retryOn: "connect-failure,refused-stream,unavailable" }',
    );
    assert.deepEqual(problems, []);
    const cluster = config!.clusters[0]!;
    assert.deepEqual(poolFromConfig(cluster), {
      connectTimeoutMs: 30_000,
      maxConnectionsPerEndpoint: 1000,
      h2UpgradePolicy: "UPGRADE",
    });
    const { retries, timeouts, circuit, retryBudget } = settingsFromConfig(cluster);
    assert.deepEqual(retries, {
      attempts: 3,
      perTryTimeoutMs: 30_000,
      retryOn: ["connect-failure", "refused-stream", "unavailable"],
      backoffBaseMs: 25,
      backoffMaxMs: 250,
    });
    assert.deepEqual(timeouts, { requestMs: 300_000, idleMs: 3_600_000 });
    assert.deepEqual(circuit, { maxRequestsPerEndpoint: 0, maxRequests: 0, maxRequestsPerConnection: 1000 });
    assert.deepEqual(retryBudget, { share: 0.2, minPerSecond: 10 });
  });

  it("has the same defaults under either name", () => {
    const { config } = parse("protocol: http2");
    assert.deepEqual(poolFromConfig(config!.clusters[0]!), {
      connectTimeoutMs: 1000,
      maxConnectionsPerEndpoint: 4,
      h2UpgradePolicy: "DEFAULT",
    });
  });

  it("may be said twice, if it is the same", () => {
    const same =
      "connectTimeoutMs: 2500, timeouts: { connect: 2500ms }, connectionPool: { tcp: { connectTimeout: 2.5s } }";
    assert.deepEqual(parse(same).problems, []);
  });

  for (const [title, cluster, wanted] of [
    [
      "two connect timeouts",
      "connectTimeoutMs: 1000, timeouts: { connect: 2s }",
      /clusters\[0\]\.timeouts\.connect: found "2s", wanted the same as clusters\[0\]\.connectTimeoutMs \(1000\), which is another name for it; remove one of the two/,
    ],
    [
      "two connect timeouts of a pool",
      "timeouts: { connect: 2s }, connectionPool: { tcp: { connectTimeout: 3s } }",
      /connectionPool\.tcp\.connectTimeout: found "3s", wanted the same as clusters\[0\]\.timeouts\.connect \("2s"\)/,
    ],
    [
      "two numbers of connections",
      "maxConnectionsPerEndpoint: 4, connectionPool: { tcp: { maxConnections: 5 } }",
      /connectionPool\.tcp\.maxConnections: found 5, wanted the same as/,
    ],
    [
      "two upgrade policies",
      "h2UpgradePolicy: DEFAULT, connectionPool: { http: { h2UpgradePolicy: UPGRADE } }",
      /connectionPool\.http\.h2UpgradePolicy: found "UPGRADE", wanted the same as/,
    ],
    [
      "a back-off that begins above its end",
      "retries: { backoffBase: 1s, backoffMax: 500ms }",
      /retries\.backoffBase: found "1s", wanted at most backoffMax \(500ms\)/,
    ],
    [
      "retries without any budget",
      "retries: { budget: { share: 0, minPerSecond: 0 } }",
      /retries\.budget: found share: 0 and minPerSecond: 0, wanted one of them above 0/,
    ],
    [
      "an absurd budget",
      "retries: { budget: { share: 1.5 } }",
      /retries\.budget\.share: found 1\.5, wanted a number from 0 to 1/,
    ],
    [
      "an unknown reason",
      "retries: { retryOn: 5xx }",
      /retries\.retryOn: found "5xx", wanted a list, separated by commas, of connect-failure/,
    ],
    [
      "no attempt",
      "retries: { attempts: 0 }",
      /retries\.attempts: found 0, wanted a whole number from 1 to 10/,
    ],
    [
      "a method that is none",
      "hedging: { methods: [Get], delay: 1s }",
      /hedging\.methods\[0\]: found "Get", wanted \/package\.Service\/Method/,
    ],
  ] as const) {
    it(`is refused with ${title}, with path and reason`, () => {
      const { config, problems } = parse(cluster);
      assert.equal(config, undefined);
      assert.match(problems.join("\n"), wanted);
    });
  }
});
