import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { formatConfigProblem } from "../../src/config/config-problem.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { routesFromConfig } from "../../src/discovery/routes-from-config.ts";

const HEAD = `
listeners: [{ name: local, address: 127.0.0.1:15001 }]
clusters:
  - { name: "a.test:1", endpoints: [] }
  - { name: "b.test:1", endpoints: [] }
routes:
`;

/** @returns what is said of one route with these keys, without the place in the file. */
function problemsOf(keys: string): string[] {
  const text = `${HEAD}  - { name: r, authorities: ["a.test:1"]${keys === "" ? "" : `, ${keys}`} }\n`;
  const { problems = [] } = parseConfig(text, { file: "f", env: {} });
  return problems.map((problem) => formatConfigProblem(problem).replace(/^f:\d+:\d+: /, ""));
}

function warningsOf(routes: string): string[] {
  const { problems, config, warnings = [] } = parseConfig(HEAD + routes, { file: "f", env: {} });
  assert.deepEqual(problems, undefined);
  assert.ok(config);
  return warnings.map((warning) => formatConfigProblem(warning).replace(/^f:\d+:\d+: /, ""));
}

describe("routes of the configuration", () => {
  it("are read with their defaults", () => {
    const text = `${HEAD}  - name: r
    authorities: ["A.test:1", "*.X.test"]
    matches:
      - { method: /p.S/M, headers: [{ name: X-User, prefix: "b" }, { name: x-b, present: false }] }
      - { path: /plain }
    clusters: [{ name: "a.test:1", weight: 99 }, { name: "b.test:1" }]
    sticky: { cookie: id }
    endpoints: { labels: { version: canary }, labelsFromHeaders: { shard: X-Shard }, fallback: any }
    timeouts: { request: 2s }
    retries: { attempts: 1 }
    requestHeaders: { set: { X-A: "1" }, remove: [X-B] }
    mirror: { cluster: "b.test:1" }
`;
    const { config, problems } = parseConfig(text, { file: "f", env: {} });
    assert.deepEqual(problems, undefined);
    const { routes, version } = routesFromConfig(config!);
    assert.match(version, /^[0-9a-f]{16}$/);
    assert.deepEqual(routes, [
      {
        name: "r",
        authorities: ["a.test:1", "*.x.test"],
        matches: [
          {
            path: "/p.S/M",
            headers: [
              { name: "x-user", kind: "prefix", value: "b" },
              { name: "x-b", kind: "absent", value: "" },
            ],
          },
          { path: "/plain", headers: [] },
        ],
        clusters: [
          { name: "a.test:1", weight: 99 },
          { name: "b.test:1", weight: 1 },
        ],
        sticky: { kind: "cookie", name: "id" },
        endpoints: { labels: { version: "canary" }, fromHeaders: { shard: "x-shard" }, fallback: "any" },
        policy: { timeouts: { requestMs: 2000, idleMs: 0 }, retries: null },
        requestHeaders: { set: { "x-a": "1" }, add: {}, remove: ["x-b"] },
        responseHeaders: null,
        mirror: {
          cluster: "b.test:1",
          percent: 100,
          maxRequests: 100,
          maxPerSecond: 100,
          maxBodyOctets: 65_536,
          timeoutMs: 30_000,
        },
      },
    ]);
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    [
      'clusters: [{ name: "c.test:1" }]',
      /^routes\[0\]\.clusters\[0\]\.name: found "c\.test:1", wanted the name of a cluster/,
    ],
    [
      'clusters: [{ name: "a.test:1", weight: 0 }, { name: "b.test:1", weight: 0 }]',
      /^routes\[0\]\.clusters: found weight 0 for all/,
    ],
    [
      'clusters: [{ name: "a.test:1", weight: -1 }]',
      /^routes\[0\]\.clusters\[0\]\.weight: found -1, wanted a whole number from 0/,
    ],
    [
      'clusters: [{ name: "a.test:1" }, { name: "A.test:1" }]',
      /^routes\[0\]\.clusters\[1\]\.name: .* wanted another cluster/,
    ],
    ["sticky: { source: true }", /^routes\[0\]\.sticky: found sticky without a split/],
    ['mirror: { cluster: "c.test:1" }', /^routes\[0\]\.mirror\.cluster: found "c\.test:1"/],
    [
      'mirror: { cluster: "b.test:1", percent: 101 }',
      /^routes\[0\]\.mirror\.percent: found 101, wanted a whole number from 1 to 100/,
    ],
    [
      'mirror: { cluster: "b.test:1", maxRequests: 10000, maxBodyOctets: 16777216 }',
      /^routes\[0\]\.mirror: found maxRequests × maxBodyOctets/,
    ],
    [
      "matches: [{ method: /p.S/M, path: /x }]",
      /^routes\[0\]\.matches\[0\]: .*wanted a mapping with method or path/,
    ],
    ["matches: [{ method: p.S/M }]", /^routes\[0\]\.matches\[0\]\.method/],
    ["matches: [{ headers: [{ name: x-a }] }]", /headers\[0\]: .*one of exact, prefix, present/],
    ['matches: [{ headers: [{ name: x-a, exact: "1", prefix: "1" }] }]', /one of exact, prefix, present/],
    ["matches: [{ headers: [{ name: x-bin, present: true }] }]", /headers\[0\]\.name: .*no -bin header/],
    ["matches: [{ headers: [{ name: ':path', present: true }] }]", /headers\[0\]\.name/],
    ["endpoints: { fallback: any }", /^routes\[0\]\.endpoints: .*wanted a mapping with fallback, and labels/],
    [
      "endpoints: { labels: { a: b } }",
      /^routes\[0\]\.endpoints\.fallback: found nothing, wanted any or fail/,
    ],
    ["requestHeaders: { set: { te: trailers } }", /^routes\[0\]\.requestHeaders\.set/],
    ["requestHeaders: { set: { ':path': /x } }", /^routes\[0\]\.requestHeaders\.set/],
    ['requestHeaders: { add: { grpc-timeout: "1S" } }', /^routes\[0\]\.requestHeaders\.add/],
    ["responseHeaders: { remove: [Grpc-Status] }", /^routes\[0\]\.responseHeaders\.remove/],
    ['responseHeaders: { set: { x-a: "a\\u0000b" } }', /^routes\[0\]\.responseHeaders\.set/],
    ['authorities: ["*.a.*"]', /authorities/],
    ["authorities: []", /authorities/],
    ["retries: { budget: { share: 1 } }", /^routes\[0\]\.retries\.budget: found the unknown key/],
  ];
  for (const [keys, wanted] of refused) {
    it(`are refused with path and reason: ${keys}`, () => {
      const problems = problemsOf(keys.startsWith("authorities") ? "" : keys);
      if (keys.startsWith("authorities")) {
        const { problems: found = [] } = parseConfig(`${HEAD}  - { name: r, ${keys} }\n`, {
          file: "f",
          env: {},
        });
        assert.match(found.map(formatConfigProblem).join("\n"), wanted);
        return;
      }
      assert.match(problems.join("\n"), wanted);
    });
  }

  it("have names of their own", () => {
    const text = `${HEAD}  - { name: r, authorities: ["*"] }\n  - { name: r, authorities: ["b.test:1"] }\n`;
    const { problems = [] } = parseConfig(text, { file: "f", env: {} });
    assert.match(
      problems.map(formatConfigProblem).join("\n"),
      /routes\[1\]\.name: found "r", wanted another name than routes\[0\]\.name/,
    );
  });

  it("warn of a route or match that an earlier one leaves nothing for, and of no other", () => {
    assert.deepEqual(
      warningsOf(`
  - { name: a, authorities: ["*.test:1"], matches: [{ method: /p.S/*, headers: [{ name: x, prefix: "a" }] }, { method: /p.T/M }] }
  - { name: b, authorities: ["a.test:1"], matches: [{ method: /p.S/M, headers: [{ name: X, exact: "abc" }, { name: y, present: true }] }] }
  - { name: c, authorities: ["b.test:1"], matches: [{ method: /p.S/M }, { method: /p.T/M }, { method: /p.S/M, headers: [{ name: z, present: true }] }] }
  - { name: d, authorities: ["*"], matches: [{ headers: [{ name: x, present: true }] }] }
  - { name: e, authorities: ["b.test:1", "a.test:1"] }
  - { name: f, authorities: ["a.test:1"] }
`),
      [
        "routes[1]: found no request it could be for: routes[0] comes first and takes them all, wanted a route that some request comes to; move it up, or remove it",
        "routes[2].matches[1]: found no request it could be for: routes[0] comes first and takes them all, wanted a match that some request comes to; move it up, or remove it",
        "routes[2].matches[2]: found no request it could be for: routes[2].matches[0] comes first and takes them all, wanted a match that some request comes to; move it up, or remove it",
        "routes[5]: found no request it could be for: routes[4] comes first and takes them all, wanted a route that some request comes to; move it up, or remove it",
      ],
    );
  });
});

describe("docs/routes.md", () => {
  const page = readFileSync(new URL("../../docs/routes.md", import.meta.url), "utf8");
  for (const [i, [, example = ""]] of [...page.matchAll(/```yaml\n(.*?)```/gs)].entries()) {
    it(`has a valid example (${i + 1})`, () => {
      const { config, problems, warnings } = parseConfig(example, { file: "example", env: {} });
      assert.deepEqual([problems, warnings], [undefined, undefined]);
      assert.ok((config?.routes?.length ?? 0) > 0);
    });
  }
});
