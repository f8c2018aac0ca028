import assert from "node:assert/strict";
import { test } from "node:test";
import { formatConfigProblem } from "../../src/config/config-problem.ts";
import { parseConfig } from "../../src/config/parse-config.ts";

function problems(sections: string, loadBalancer = "{}", endpoint = ""): string[] {
  const text = `listeners: [{ name: l, address: 10.0.0.1:15001 }]\n${sections}\nclusters: [{ name: "a.test:1", loadBalancer: ${loadBalancer}, endpoints: [{ address: "10.0.0.9:1"${endpoint} }] }]\n`;
  return (parseConfig(text, { file: "f.yaml", env: {} }).problems ?? []).map(formatConfigProblem);
}

test("places, ratios and a fleet that fit together are accepted", () => {
  const sections =
    "node: { id: n, zone: a, region: west }\nfleet: { nodeIndex: 9, nodeCount: 10, zoneIndex: 2, zoneCount: 3, trafficShare: 0.2 }";
  const loadBalancer =
    "{ locality: { distribution: PreferSameNode, lowLoadRatio: 1.2, highLoadRatio: 1.5 }, subset: { enabled: true } }";
  assert.deepEqual(problems(sections, loadBalancer, ", zone: a, region: west, node: n"), []);
});

test("what does not fit is refused with its path and what would be right", () => {
  for (const [sections, loadBalancer, endpoint, wanted] of [
    [
      "node: { region: west }",
      "{}",
      "",
      /node\.zone: found no zone, in region "west", wanted the name of a zone/,
    ],
    ["", "{}", ", region: west", /clusters\[0\]\.endpoints\[0\]\.zone: found no zone/],
    [
      "",
      "{ locality: { lowLoadRatio: 1.3 } }",
      "",
      /lowLoadRatio: found 1\.3, wanted less than highLoadRatio \(1\.3\)/,
    ],
    [
      "fleet: { nodeIndex: 10, nodeCount: 10 }",
      "{}",
      "",
      /fleet\.nodeIndex: found 10, wanted less than fleet\.nodeCount/,
    ],
    [
      "fleet: { nodeIndex: 1, nodeCount: 10, zoneIndex: 3, zoneCount: 3 }",
      "{}",
      "",
      /fleet\.zoneIndex: found 3, wanted less than fleet\.zoneCount/,
    ],
    ["fleet: { nodeIndex: 1, nodeCount: 10, zoneIndex: 1 }", "{}", "", /fleet\.zoneCount: found nothing/],
    [
      "fleet: { nodeIndex: 1, nodeCount: 2, zoneIndex: 1, zoneCount: 3 }",
      "{}",
      "",
      /fleet\.zoneCount: found 3, wanted at most fleet\.nodeCount/,
    ],
    [
      "node: { zone: a }\nfleet: { nodeIndex: 1, nodeCount: 2 }",
      "{ subset: { enabled: true } }",
      "",
      /subset\.enabled: found subsets of near endpoints, and no fleet\.zoneIndex, wanted fleet\.zoneIndex and/,
    ],
  ] as const) {
    assert.match(problems(sections, loadBalancer, endpoint).join("\n"), wanted);
  }
});
