import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import type { Plan } from "../../src/capture/plan.ts";
import { parsePlan } from "../../src/capture/plan.ts";
import { tableContent } from "../../src/capture/table-content.ts";
import {
  contentChange,
  renewClosed,
  renewGate,
  resetFlows,
  restingTable,
  wholeTable,
} from "../../src/capture/table-text.ts";
import { BoxNamespace } from "../box/harness/box-namespace.ts";
import { missingForCapture } from "./live/harness/capture-lab.ts";

const GATE = {
  openMs: 2_800,
  aliveMs: new Map([
    [4001, 2_800],
    [4002, 1_200],
  ]),
};

function plan(services: number, failClosed = false): Plan {
  return parsePlan(
    JSON.stringify({
      format: 1,
      version: "v",
      services: Array.from({ length: services }, (_, i) => ({
        service: `s${i}.shop:50051`,
        addresses: [`10.96.${i >> 8}.${i & 255}`, `fd00:96::${i.toString(16)}`],
        port: 50051,
        anyIp4: `240.18.${i >> 8}.${i & 255}`,
        anyIp6: `fd00:77::${i.toString(16)}`,
      })),
      callers: [
        { addresses: ["10.0.0.5", "fd00:5::5"], mode: "transparent", failClosed },
        { addresses: ["10.0.0.6"], mode: "address", failClosed },
      ],
      entries: [
        { address: "169.254.77.1", port: 15001 },
        { address: "172.18.0.2", port: 15001 },
      ],
    }),
  );
}

const content = (of: Plan, port = 4001) => tableContent({ plan: of, port, all: [of] });

describe("the table's text", () => {
  it("captures only pods in mode transparent, and refuses only those that fail closed", () => {
    const { callers, closed, stable, doors } = content(plan(1, true));
    assert.deepEqual(callers, { 4: ["10.0.0.5"], 6: ["fd00:5::5"] });
    assert.deepEqual(closed, callers);
    assert.deepEqual(stable[4], ["169.254.77.1"]);
    assert.deepEqual(doors[4], [
      "169.254.77.1 . 15001 : 240.18.255.1 . 4001",
      "172.18.0.2 . 15001 : 240.18.255.1 . 4001",
    ]);
    assert.deepEqual(content(plan(1)).closed[4], []);
  });

  it("says nothing when nothing changes, and replaces only the sets that do", () => {
    const before = content(plan(2));
    assert.equal(contentChange("isobar", before, content(plan(2))), "");
    const change = contentChange("isobar", before, content(plan(2), 4002));
    assert.deepEqual(
      [...change.matchAll(/flush (\w+ inet isobar \w+)/g)].map((match) => match[1]),
      ["map inet isobar doors4", "map inet isobar services4", "map inet isobar services6"],
    );
  });

  it("names only what comes and goes where most stays", () => {
    const change = contentChange("isobar", content(plan(20)), content(plan(21)));
    assert.doesNotMatch(change, /flush|delete/);
    assert.match(change, /add element inet isobar services4 \{ 10.96.0.20 . 50051 : 240.18.0.20 . 4001 \}/);
    const back = contentChange("isobar", content(plan(21)), content(plan(20)));
    assert.match(back, /delete element inet isobar services4 \{ 10.96.0.20 . 50051 \}/);
    assert.doesNotMatch(back, /flush|add/);
  });

  it("renews one half of the gate and leaves the other alone, but closes both", () => {
    const touched = (text: string): readonly string[] => [
      ...new Set([...text.matchAll(/inet isobar (\w+)/g)].map((match) => match[1]!)),
    ];
    assert.deepEqual(touched(renewGate("isobar", GATE, "")), ["open", "alive"]);
    assert.deepEqual(touched(renewGate("isobar", GATE, "2")), ["open2", "alive2"]);
    assert.deepEqual(touched(renewGate("isobar", { ...GATE, openMs: 0 }, "2")), ["open", "open2", "alive2"]);
  });

  it("gives an address that two services claim to one of them, because nft would refuse the whole", () => {
    const [service] = plan(1).services;
    const both = {
      ...plan(1),
      services: [service!, { ...service!, anyIp: { ipv4: "240.18.0.9", ipv6: "" } }],
    };
    assert.equal(content(both).services[4].length, 1);
  });

  it("opens nothing without a current generation", () => {
    const { services, doors, captured } = content(plan(1), 0);
    assert.deepEqual([services[4], doors[4]], [[], []]);
    assert.equal(captured[4].length, 1);
    assert.doesNotMatch(renewGate("isobar", { openMs: 0, aliveMs: new Map() }, ""), /add/);
  });
});

describe("nft takes", { skip: missingForCapture() }, () => {
  let space: BoxNamespace;
  before(() => {
    space = BoxNamespace.make(`isocap-${process.pid}-text`);
  });
  after(() => space?.remove());

  const flow = {
    family: 4,
    source: "10.0.0.5",
    sourcePort: 40_000,
    address: "10.96.0.1",
    port: 50051,
  } as const;
  const six = {
    family: 6,
    source: "fd00:5::5",
    sourcePort: 40_000,
    address: "fd00:96::1",
    port: 50051,
  } as const;
  const empty = tableContent({ plan: undefined, port: 0, all: [] });
  const full = content(plan(300, true));
  for (const [what, text] of [
    ["an empty table", wholeTable("isobar", empty, { openMs: 0, aliveMs: new Map() })],
    ["a full one in its place", wholeTable("isobar", full, GATE)],
    ["the renewal of half of the gate", renewGate("isobar", GATE, "")],
    ["of the other half", renewGate("isobar", GATE, "2")],
    ["of the first once more", renewGate("isobar", GATE, "")],
    ["other services and another port", contentChange("isobar", full, content(plan(20), 4002))],
    ["a service less", contentChange("isobar", content(plan(20), 4002), content(plan(19), 4002))],
    ["a service more", contentChange("isobar", content(plan(19), 4002), content(plan(20), 4002))],
    ["the callers that fail closed", renewClosed("isobar", full.closed)],
    ["flows to reset", resetFlows("isobar", [flow, six], false) + resetFlows("isobar", [flow, six], true)],
    ["what is left behind for those that fail closed", restingTable("isobar", full)],
  ] as const)
    it(what, () => space.nft(text));

  it("5,000 services in little time and memory", (context) => {
    const { command, args } = space.enter({
      command: "/usr/bin/time",
      args: ["-f", "%e s, %M KiB", "nft", "-f", "-"],
    });
    const input = wholeTable("isobar", content(plan(5_000)), GATE);
    const { status, stderr, error } = spawnSync(command, args, { input, encoding: "utf8" });
    if (error !== undefined || /No such file/.test(stderr)) space.nft(input);
    else assert.equal(status, 0, stderr);
    context.diagnostic(`both families: ${stderr.trim()}`);
  });
});
