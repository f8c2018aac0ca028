import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDestination, verbatimDestination } from "../../src/telemetry/destination.ts";

test("a Kubernetes service's name is read in its three parts", () => {
  assert.deepEqual(parseDestination("ledger.payments.svc.cluster.local:50051"), {
    dst_namespace: "payments",
    dst_service: "ledger",
    dst_port: "50051",
  });
});

test("so is its name at the control plane", () => {
  assert.deepEqual(parseDestination("ledger.payments:50051"), {
    dst_namespace: "payments",
    dst_service: "ledger",
    dst_port: "50051",
  });
});

test("of any other name the part before the port is the service", () => {
  const read = (name: string) => Object.values(parseDestination(name));
  assert.deepEqual(read("api.example.com:443"), ["", "api.example.com", "443"]);
  assert.deepEqual(read("[::1]:80"), ["", "[::1]", "80"]);
  assert.deepEqual(read("plain"), ["", "plain", ""]);
  assert.deepEqual(read("plain.two"), ["", "plain.two", ""]);
  assert.deepEqual(read("ledger.payments.svc:1"), ["", "ledger.payments.svc", "1"]);
  assert.deepEqual(read(""), ["", "", ""]);
});

test("different names have different labels, but for a service's two, which are told apart where both are there", () => {
  const part = fc.constantFrom(
    "a",
    "b",
    "svc",
    "a.b",
    "cluster.local",
    "a.b.svc.cluster.local",
    "other",
    "1",
    "",
  );
  const name = fc
    .tuple(part, fc.constantFrom("", ".", ":"), part, fc.constantFrom("", ":1", ":22"))
    .map((p) => p.join(""));
  fc.assert(
    fc.property(name, name, (one, two) => {
      const [first, second] = [parseDestination(one), parseDestination(two)].map((labels) =>
        JSON.stringify(labels),
      );
      const long = (text: string) => text.replace(/^([^.:]+)\.([^.:]+)(?=:\d+$)/, "$1.$2.svc.cluster.local");
      assert.equal(first === second, long(one) === long(two));
      const whole = [verbatimDestination(one), verbatimDestination(two)].map((labels) =>
        JSON.stringify(labels),
      );
      assert.equal(whole[0] === whole[1], one === two);
    }),
    { numRuns: 1000 },
  );
});
