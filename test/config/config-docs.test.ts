import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { configDocs } from "../../src/config/config-docs.ts";
import { configSchema } from "../../src/config/config-schema.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { keysOf, unwrapSchema } from "../../src/config/schema-walk.ts";
import { FIXED_SECTIONS } from "../../src/daemon/reloader.ts";

const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");

test("docs/configuration.md is what scripts/gen-config-docs.ts makes of the schema", () => {
  assert.equal(page, configDocs());
});

test("the example in docs/configuration.md is a valid configuration", () => {
  const example = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? "";
  assert.deepEqual(parseConfig(example, { file: "example", env: {} }).problems, undefined);
});

test("the sections that a reload leaves alone are those that are not marked live", () => {
  const fixed = Object.entries(keysOf(configSchema) ?? {})
    .filter(([, schema]) => unwrapSchema(schema).notes.live !== true)
    .map(([key]) => key);
  assert.deepEqual(fixed, [...FIXED_SECTIONS]);
});
