import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { textWithoutFields } from "../../src/kube/text-without-fields.ts";

const ENTRY = { manager: "kubelet", time: "2026-11-23T00:00:00Z", fieldsType: "FieldsV1" };

function object(fieldsV1: object | undefined, name: string) {
  const managedFields = [
    { ...ENTRY, ...(fieldsV1 && { fieldsV1 }) },
    { ...ENTRY, manager: "scheduler", ...(fieldsV1 && { fieldsV1 }), subresource: "status" },
  ];
  return { metadata: { name, managedFields }, spec: { text: 'a } " {' } };
}

function parsed(value: unknown): unknown {
  return JSON.parse(textWithoutFields(Buffer.from(JSON.stringify(value))));
}

describe("the text of an object without its managed fields", () => {
  it("lacks nothing else, whatever the keys look like", () => {
    const keys = { 'f:a{"type":"}\\"}': { "f:{": {} }, 'k:{"name":"é\\\\"}': { ".": {}, "f:x": ["}"] } };
    assert.deepEqual(parsed(object(keys, "é")), object(undefined, "é"));
    assert.deepEqual(parsed(object({}, "a")), object(undefined, "a"));
  });

  it("is the whole text where there are none, where they are only spoken of, and where they do not end", () => {
    const spoken = { metadata: { annotations: { last: JSON.stringify(object({ "f:a": {} }, "b")) } } };
    assert.deepEqual(parsed(spoken), spoken);
    const broken = '{"a":1,"fieldsV1":{"b":"}';
    assert.equal(textWithoutFields(Buffer.from(broken)), broken);
    assert.equal(textWithoutFields(Buffer.alloc(0)), "");
  });
});
