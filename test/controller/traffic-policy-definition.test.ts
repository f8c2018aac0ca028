import assert from "node:assert/strict";
import { it } from "node:test";
import { parse } from "yaml";
import { trafficPolicyDefinition } from "../../scripts/gen-crds.ts";
import { compilePolicySpec } from "../../src/controller/compile-policy-spec.ts";

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const definition = parse(trafficPolicyDefinition()) as {
  readonly spec: { readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[] };
};
const SPEC = within(definition.spec.versions[0]?.schema.openAPIV3Schema, "spec")!;

function within(schema: Schema | undefined, ...path: readonly string[]): Schema | undefined {
  let inner = schema;
  for (const key of path) inner = inner?.properties?.[key];
  return inner;
}

/** What the API server makes of a value before it stores it: defaults filled in. */
function withDefaults(schema: Schema, value: unknown): unknown {
  if (schema.items !== undefined)
    return (value as readonly unknown[]).map((each) => withDefaults(schema.items!, each));
  if (schema.properties === undefined) return value;
  const filled: Record<string, unknown> = { ...(value as object) };
  for (const [key, inner] of Object.entries(schema.properties)) {
    if (filled[key] === undefined && inner.default !== undefined) filled[key] = inner.default;
    if (filled[key] !== undefined) filled[key] = withDefaults(inner, filled[key]);
  }
  return filled;
}

it("every field of a TrafficPolicy has a type and says what it is for", () => {
  const silent: string[] = [];
  const visit = (schema: Schema, path: string): void => {
    if (schema.type === undefined) silent.push(`${path}: no type`);
    for (const [key, inner] of Object.entries(schema.properties ?? {})) {
      const isPlain = path === "spec.targetRefs[]" || /connectionPool\.(tcp|http)$/.test(`${path}.${key}`);
      if (inner.description === undefined && !isPlain) silent.push(`${path}.${key}: no description`);
      visit(inner, `${path}.${key}`);
    }
    if (schema.items !== undefined) visit(schema.items, `${path}[]`);
  };
  visit(SPEC, "spec");
  assert.deepEqual(silent, []);
});

it("bounds and defaults are those of the proxy's own file", () => {
  const choiceCount = within(SPEC, "loadBalancer", "choiceCount");
  assert.deepEqual([choiceCount?.type, choiceCount?.minimum], ["integer", 2]);
  assert.equal(within(SPEC, "loadBalancer", "policy")?.default, "least_request");
});

const SPECS: readonly object[] = [
  {},
  { loadBalancer: {} },
  {
    loadBalancer: {
      policy: "ring_hash",
      hash: { keys: [{ header: "x-user" }] },
      slowStart: { windowMs: 1000 },
    },
  },
  { retries: { attempts: 2 }, timeouts: { request: "3s" }, connectionPool: { http: { maxRequests: 7 } } },
  { outlierDetection: {}, healthCheck: { grpc: {} }, keepalive: {}, endpoints: {}, slo: { p95: "200ms" } },
];
for (const spec of SPECS) {
  it(`${JSON.stringify(spec)} means the same before and after the API server has filled in defaults`, () => {
    const { overrides } = compilePolicySpec(spec);
    assert.ok(overrides);
    assert.deepEqual(compilePolicySpec(withDefaults(SPEC, spec)).overrides, overrides);
  });
}
