import assert from "node:assert/strict";
import { hostname } from "node:os";
import { describe, test } from "node:test";
import { formatConfigProblem } from "../../src/config/config-problem.ts";
import { crossCheck } from "../../src/config/cross-check.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { DEFAULT_ALLOWED_SOURCES } from "../../src/proxy/port/listener-door.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { MAX_ENDPOINT_SLOTS } from "../../src/resource/slot-registry.ts";

/** The shape that scripts outside the repository use: it must go on meaning the same. */
const STABLE = `
node: { id: laptop, zone: zone-a }
admin: { address: 127.0.0.1:15000 }
listeners:
  - { name: local, address: 127.0.0.1:15001 }
clusters:
  - name: echo.default.svc.cluster.local:50051      # the :authority that selects it
    loadBalancer: { policy: least_request }         # least_request | round_robin | random
    endpoints:
      - { address: 127.0.0.1:9001, zone: zone-a, weight: 1 }
      - { address: 127.0.0.1:9002, zone: zone-b }
`;

const LISTENERS = "listeners: [{ name: local, address: 127.0.0.1:15001 }]\n";

function problemsOf(text: string, env = {}): string[] {
  return (parseConfig(text, { file: "f.yaml", env }).problems ?? []).map(formatConfigProblem);
}

const { slowStart: _slowStart, resourceWeight: _resourceWeight, ...LOAD_BALANCER } = LOAD_BALANCING_DEFAULTS;
const ENDPOINT = { region: "", priority: 0, labels: {}, weight: 1, health: "healthy" } as const;

describe("the configuration", () => {
  test("of the stable shape is read with the defaults of this version", () => {
    const { config } = parseConfig(STABLE, { file: "f.yaml", env: {} });
    assert.deepEqual(config, {
      node: { id: "laptop", zone: "zone-a", region: "" },
      admin: { address: "127.0.0.1:15000", allowNonLoopback: false },
      listeners: [
        {
          name: "local",
          address: "127.0.0.1:15001",
          protocol: "auto",
          allowedSources: [...DEFAULT_ALLOWED_SOURCES],
          connect: { allowedTargets: [], deniedRanges: [] },
        },
      ],
      clusters: [
        {
          name: "echo.default.svc.cluster.local:50051",
          loadBalancer: LOAD_BALANCER,
          timeouts: {},
          connectionPool: {
            tcp: {},
            http: { maxRequestsPerConnection: 0, maxRequestsPerEndpoint: 0, maxRequests: 0 },
          },
          maxPendingStreams: 1024,
          protocol: "http2",
          keepalive: { timeMs: 10_000, timeoutMs: 20_000 },
          endpoints: [
            { address: "127.0.0.1:9001", zone: "zone-a", ...ENDPOINT },
            { address: "127.0.0.1:9002", zone: "zone-b", ...ENDPOINT },
          ],
        },
      ],
      memory: { budgetOctets: 268_435_456, poisonFreed: false },
      limits: {
        perCaller: { connections: 4096, newConnectionsPerSecond: 1000 },
        handshakeTimeoutMs: 10_000,
        requestHeadersTimeoutMs: 10_000,
        maxTlsHandshakes: 8,
        maxRequestBodyOctets: 0,
      },
      keepalive: {
        downstream: { timeMs: 120_000, timeoutMs: 60_000, idleTimeoutMs: 0, maxConnectionAgeMs: 0 },
      },
      overload: { stopReadingAtShare: 0.8, refuseStreamsAtShare: 0.9, notReadyAtShare: 0.95 },
      drain: { delayMs: 0, limitMs: 30_000 },
      accessLog: { enabled: false, sample: 1 },
      explain: { sample: 0, ring: 4096, allowedSources: [] },
      log: { level: "info" },
      concurrency: 1,
    });
  });

  test("needs listeners only", () => {
    const { config } = parseConfig(LISTENERS, { file: "f.yaml", env: {} });
    assert.deepEqual(config?.node, { id: hostname(), zone: "", region: "" });
    assert.deepEqual(config?.admin, { address: "127.0.0.1:15000", allowNonLoopback: false });
    assert.equal(config?.metrics, undefined);
    assert.deepEqual(config?.clusters, []);
  });

  test("has defaults for clusters from DNS", () => {
    const text = `${LISTENERS}clusters: [{ name: a, dns: { hostname: a.example, port: 1 } }]`;
    assert.deepEqual(parseConfig(text, { file: "f.yaml", env: {} }).config?.clusters[0]?.dns, {
      hostname: "a.example",
      port: 1,
      refreshMs: 5_000,
      maxStaleMs: 600_000,
      emptyHoldMs: 10_000,
    });
  });

  test("is frozen to its depths", () => {
    const { config } = parseConfig(STABLE, { file: "f.yaml", env: {} });
    assert.throws(() => Object.assign(config!.clusters[0]!.endpoints![0]!, { weight: 2 }), TypeError);
  });

  test("yields to the environment where the schema names a variable", () => {
    const env = { ISOBAR_NODE_ID: "n7", ISOBAR_NODE_ZONE: "z", ISOBAR_LOG_LEVEL: "" };
    const { config } = parseConfig(STABLE, { file: "f.yaml", env });
    assert.deepEqual(config?.node, { id: "n7", zone: "z", region: "" });
    assert.equal(config?.log.level, "info");
    assert.deepEqual(problemsOf(STABLE, { ISOBAR_LOG_LEVEL: "loud" }), [
      'environment variable ISOBAR_LOG_LEVEL: log.level: found "loud", wanted trace, debug, info, warn, error or silent; change or unset the variable; it takes precedence over the file',
    ]);
  });
});

describe("HOST_IP as the host of metrics.address", () => {
  const text = `${LISTENERS}metrics: { address: HOST_IP:15020 }`;
  const addressOf = (file: string, env: object) =>
    parseConfig(file, { file: "f.yaml", env: { ...env } }).config?.metrics?.address;

  test("is the environment's address, of either family", () => {
    assert.equal(addressOf(text, { HOST_IP: "192.0.2.7" }), "192.0.2.7:15020");
    assert.equal(addressOf(text, { HOST_IP: "fd00::7" }), "[fd00::7]:15020");
    assert.equal(
      addressOf(`${LISTENERS}metrics: { address: 127.0.0.1:1 }`, { HOST_IP: "::1" }),
      "127.0.0.1:1",
    );
  });

  test("is refused, and said why, where the environment has none", () => {
    const rest =
      "wanted an IP address in HOST_IP; set it, in a Pod from status.hostIP, or write the address in place of HOST_IP";
    const found =
      'f.yaml:2:21: metrics.address: found "HOST_IP:15020", where the environment variable HOST_IP';
    for (const env of [{}, { HOST_IP: "" }])
      assert.deepEqual(problemsOf(text, env), [`${found} is not set, ${rest}`]);
    assert.deepEqual(problemsOf(text, { HOST_IP: "node-7" }), [`${found} is "node-7", ${rest}`]);
  });

  test("needs a port, and is no address anywhere else", () => {
    const env = { HOST_IP: "192.0.2.7" };
    for (const port of ["", "x", "70000", "1:2"])
      assert.match(
        problemsOf(`${LISTENERS}metrics: { address: "HOST_IP:${port}" }`, env)[0]!,
        /"HOST_IP:port"/,
        port,
      );
    assert.match(
      problemsOf("listeners: [{ name: a, address: HOST_IP:1 }]", env)[0]!,
      /found "HOST_IP:1", wanted/,
    );
  });
});

/** Text → the start of each message expected. */
const WRONG: readonly (readonly [title: string, text: string, ...messages: string[]])[] = [
  ["an empty file", "", 'f.yaml:1:1: found nothing, wanted a mapping with at least "listeners"'],
  ["a list", "- a", 'f.yaml:1:1: found ["a"], wanted a mapping with at least "listeners"'],
  ["broken YAML", "listeners: [", "f.yaml:1:13: found invalid YAML ("],
  ["a key twice", `${LISTENERS}log: {}\nlog: {}`, "f.yaml:3:1: found invalid YAML (Map keys must be unique)"],
  [
    "a missing section",
    "log: {}",
    "f.yaml:1:1: listeners: found nothing, wanted a list of at least one listener; add it",
  ],
  [
    "no listener",
    "listeners: []",
    "f.yaml:1:12: listeners: found [], wanted a list of at least one listener; add one, or capture",
  ],
  [
    "an unknown key with a near one",
    `${LISTENERS}clusters:\n  - { name: a, endpoint: [] }`,
    'f.yaml:3:16: clusters[0].endpoint: found the unknown key "endpoint", wanted a known one; did you mean "endpoints"?',
  ],
  [
    "an unknown key",
    `${LISTENERS}telemetry: {}`,
    'f.yaml:2:1: telemetry: found the unknown key "telemetry", wanted one of node, fleet, admin, metrics, listeners, capture, callers, clusters, controlPlane, routes, memory, limits, keepalive, overload, drain, accessLog, explain, tracing, log, concurrency; remove it',
  ],
  [
    "a number for a name",
    `${LISTENERS}node: { zone: 1 }`,
    "f.yaml:2:15: node.zone: found 1, wanted the name of a zone, or an empty one; put it in quotes",
  ],
  [
    "a time with a unit",
    `${LISTENERS}drain: { limitMs: 30s }`,
    'f.yaml:2:19: drain.limitMs: found "30s", wanted a whole number from 0 to 3,600,000; write digits only, without a unit',
  ],
  [
    "a number in quotes",
    `${LISTENERS}drain: { limitMs: "30" }`,
    'f.yaml:2:19: drain.limitMs: found "30", wanted a whole number from 0 to 3,600,000; remove the quotes',
  ],
  [
    "a fraction",
    `${LISTENERS}drain: { limitMs: 1.5 }`,
    "f.yaml:2:19: drain.limitMs: found 1.5, wanted a whole number",
  ],
  [
    "a name to listen on",
    "listeners: [{ name: a, address: localhost:1 }]",
    'f.yaml:1:33: listeners[0].address: found "localhost:1", wanted an address "ip:port", "[ipv6]:port" or "unix:/path"; names are not resolved here',
  ],
  [
    "a policy that does not exist",
    `${LISTENERS}clusters: [{ name: a, endpoints: [], loadBalancer: { policy: p2c } }]`,
    'f.yaml:2:62: clusters[0].loadBalancer.policy: found "p2c", wanted least_request, round_robin, random, client_side_weighted_round_robin, ring_hash, maglev, or "module:" and the path of a policy\'s file',
  ],
  [
    "a name, no port, port 0 and a weight of 0 in endpoints, all at once",
    `${LISTENERS}clusters:
  - name: a
    endpoints:
      - { address: svc:1 }
      - { address: 10.0.0.1 }
      - { address: "10.0.0.1:0" }
      - { address: "10.0.0.1:70000" }
      - { address: "10.0.0.1:1", weight: 0 }
      - { address: "10.0.0.2:1", weight: 65536 }
      - {}`,
    'f.yaml:5:20: clusters[0].endpoints[0].address: found "svc:1", wanted an IP address with port, such as "10.0.0.7:50051" or "[fd00::7]:50051"; a name goes into the cluster\'s "dns" section',
    'f.yaml:6:20: clusters[0].endpoints[1].address: found "10.0.0.1", wanted an IP address with port',
    'f.yaml:7:20: clusters[0].endpoints[2].address: found "10.0.0.1:0", wanted an IP address with port',
    'f.yaml:8:20: clusters[0].endpoints[3].address: found "10.0.0.1:70000", wanted an IP address with port',
    "f.yaml:9:42: clusters[0].endpoints[4].weight: found 0, wanted a whole number from 1 to 65,535; to take an endpoint out, remove it",
    "f.yaml:10:42: clusters[0].endpoints[5].weight: found 65536, wanted a whole number from 1 to 65,535",
    "f.yaml:11:9: clusters[0].endpoints[6].address: found nothing, wanted an IP address with port, such as",
  ],
  [
    "a cluster twice, whatever the case",
    `${LISTENERS}clusters: [{ name: a.b, endpoints: [] }, { name: A.b, endpoints: [] }]`,
    'f.yaml:2:50: clusters[1].name: found "a.b", wanted another name than clusters[0].name; remove or change one of the two',
  ],
  [
    "a URL for a cluster's name",
    `${LISTENERS}clusters: [{ name: "http://a/", endpoints: [] }]`,
    'f.yaml:2:20: clusters[0].name: found "http://a/", wanted the :authority that selects the cluster, such as echo.default.svc.cluster.local:50051; leave out scheme and path',
  ],
  [
    "an endpoint twice",
    `${LISTENERS}clusters: [{ name: a, endpoints: [{ address: 1.1.1.1:1 }, { address: 1.1.1.1:1 }] }]`,
    'f.yaml:2:70: clusters[0].endpoints[1].address: found "1.1.1.1:1", wanted another address than clusters[0].endpoints[0].address',
  ],
  [
    "neither endpoints nor dns",
    `${LISTENERS}clusters: [{ name: a }]`,
    'f.yaml:2:12: clusters[0]: found neither in cluster "a", wanted endpoints or dns; add one',
  ],
  [
    "both endpoints and dns",
    `${LISTENERS}clusters: [{ name: a, endpoints: [], dns: { hostname: b, port: 1 } }]`,
    "f.yaml:2:43: clusters[0].dns: found both, wanted either endpoints or dns; remove one",
  ],
  [
    "a listener's name twice",
    "listeners: [{ name: a, address: 127.0.0.1:1 }, { name: a, address: 127.0.0.1:2 }]",
    'f.yaml:1:56: listeners[1].name: found "a", wanted another name than listeners[0].name',
  ],
  [
    "an address twice, a wildcard counting for all",
    "listeners: [{ name: a, address: 127.0.0.1:1 }]\nmetrics: { address: 0.0.0.0:15000 }",
    'f.yaml:2:21: metrics.address: found "0.0.0.0:15000", wanted an address that admin.address (127.0.0.1:15000) leaves free',
  ],
  [
    "stages of overload that do not follow each other",
    `${LISTENERS}overload: { stopReadingAtShare: 0.9, refuseStreamsAtShare: 0.8 }`,
    "f.yaml:2:60: overload.refuseStreamsAtShare: found 0.8, wanted at least overload.stopReadingAtShare (0.9); the stages follow each other",
  ],
  [
    "not ready before streams are refused",
    `${LISTENERS}overload: { notReadyAtShare: 0.85 }`,
    "f.yaml:2:30: overload.notReadyAtShare: found 0.85, wanted at least overload.refuseStreamsAtShare (0.9); the stages follow each other",
  ],
  [
    "an admin server for everybody",
    `${LISTENERS}admin: { address: 0.0.0.0:15000 }`,
    'f.yaml:2:19: admin.address: found "0.0.0.0:15000", wanted a loopback address or a unix socket; use 127.0.0.1, or set admin.allowNonLoopback: true',
  ],
  [
    "more threads than there may be",
    `${LISTENERS}concurrency: 17`,
    "f.yaml:2:14: concurrency: found 17, wanted a whole number from 1 to 16",
  ],
  [
    "more threads than the budget has room for",
    `${LISTENERS}concurrency: 4\nmemory: { budgetOctets: 4000000 }`,
    "f.yaml:3:25: memory.budgetOctets: found 4,000,000, wanted at least 4,194,304: 1 MiB for each of the 4 workers of concurrency; raise",
  ],
];

describe("a wrong configuration says place, path, found and wanted:", () => {
  for (const [title, text, ...messages] of WRONG) {
    test(title, () => {
      const problems = problemsOf(text);
      assert.equal(problems.length, messages.length, problems.join("\n"));
      for (const [index, message] of messages.entries()) {
        assert.equal(problems[index]!.slice(0, message.length), message);
      }
    });
  }

  test("an admin server for everybody is accepted when said explicitly", () => {
    const text = `${LISTENERS}admin: { address: 0.0.0.0:15000, allowNonLoopback: true }`;
    assert.deepEqual(problemsOf(text), []);
  });

  test("more endpoints than there are slots", () => {
    const endpoints = Array.from({ length: MAX_ENDPOINT_SLOTS + 1 }, (_, i) => ({
      address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1`,
    }));
    const text = `${LISTENERS}clusters: [{name: a, endpoints: [{address: 10.0.0.1:1}]}]`;
    const plain = parseConfig(text, { file: "f.yaml", env: {} }).config!;
    const config = { ...plain, clusters: [{ ...plain.clusters[0], endpoints }] } as unknown as typeof plain;
    assert.deepEqual(
      crossCheck(config).map(({ path, found, wanted }) => [path, found, wanted]),
      [[["clusters"], "131,073", "at most 131,072 endpoints in all clusters together"]],
    );
  });
});
