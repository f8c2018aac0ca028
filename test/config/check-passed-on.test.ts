import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../src/config/parse-config.ts";

const warningsOf = (text: string): string[] => {
  const parsed = parseConfig(text, { file: "isobar.yaml", env: {} });
  assert.equal(parsed.problems, undefined, JSON.stringify(parsed.problems));
  return (parsed.warnings ?? []).map(({ path }) => path);
};

const configOf = (routes: string, more = ""): string => `
listeners: [{ name: in, address: "127.0.0.1:0" }, { name: raw, address: "127.0.0.1:1", protocol: tls, cluster: "web:443" }]
clusters:
  - { name: "db:5432", protocol: tcp, endpoints: [{ address: "127.0.0.1:9" }] }
  - { name: "web:443", endpoints: [{ address: "127.0.0.1:10" }] }
  - { name: "echo:1", endpoints: [{ address: "127.0.0.1:11" }] }
${more}routes:
${routes}
`;

test("routes for what is passed on whole are warned of, each where it is said", () => {
  const routes = `
  - { name: a, authorities: ["DB:5432"], clusters: [{ name: "echo:1", weight: 1 }] }
  - { name: b, authorities: ["echo:1"], clusters: [{ name: "db:5432", weight: 1 }, { name: "echo:1", weight: 1 }] }
  - { name: c, authorities: ["web:443"], timeouts: { request: 1s } }`;
  assert.deepEqual(warningsOf(configOf(routes)), [
    "listeners[1].protocol",
    "routes[0].authorities[0]",
    "routes[1].clusters[0].name",
  ]);
});

test("others are not, nor are routes for everything", () => {
  const routes = `
  - { name: a, authorities: ["echo:1"], timeouts: { request: 1s } }
  - { name: b, authorities: ["*"], timeouts: { request: 2s } }`;
  assert.deepEqual(warningsOf(configOf(routes)), []);
});
