import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AuditEvent, AuditedResponse } from "../../src/audit/audit-event.ts";
import type { AuditRecord } from "../../src/audit/audit-record.ts";
import { AuditRecorder } from "../../src/audit/audit-recorder.ts";
import type { ServiceModel } from "../../src/resource/service.ts";
import { endpoint } from "../resource/cluster-builder.ts";
import { service } from "../xds/service-builder.ts";
import type { TimelessEvent } from "./audit-fixture.ts";
import { response, stream } from "./audit-fixture.ts";

/** A recorder with a clock of its own, 1 ms for each event. */
class RecorderRig {
  readonly recorder = new AuditRecorder();
  nowMs = 1_000;
  #next = 1;

  note(event: TimelessEvent): this {
    this.recorder.note({ ...event, atMs: this.nowMs++ } as AuditEvent);
    return this;
  }

  take(afterMs = 0): AuditRecord[] {
    this.nowMs += afterMs;
    const records = this.recorder.take(this.#next, this.nowMs).map(({ record }) => record);
    this.#next += records.length;
    return records;
  }

  state(): AuditRecord[] {
    return [...this.recorder.state(this.nowMs)].map(({ record }) => record);
  }
}

const cause = {
  object: "EndpointSlice shop/a-1",
  resourceVersion: "7",
  verb: "MODIFIED",
  fieldManager: "slices",
};

function model(endpoints: number, changes: Partial<ServiceModel> = {}): ServiceModel {
  return { ...service("a:1", endpoints), cause, ...changes };
}

describe("records of services", () => {
  it("are whole for a new one, then what differs, each with its cause and the parts it may concern", () => {
    const rig = new RecorderRig();
    const two = model(2);
    const [first] = rig.note({ kind: "service", model: two }).take();
    assert.ok(first?.kind === "changed" && first.was === 0 && first.state !== undefined);
    assert.deepEqual(Object.keys(first.state.endpoints).length, 2);
    const weighted = { ...two.cluster.endpoints[0]!, weight: 5 };
    const third = endpoint(9, { zone: "zone-b" }, "a:1");
    const changed = { ...two, cluster: { ...two.cluster, endpoints: [weighted, third] } };
    const [second] = rig.note({ kind: "service", model: changed }).take();
    assert.ok(second?.kind === "changed");
    assert.deepEqual([second.was, second.cause, second.parts], [1, cause, ["endpoints"]]);
    assert.deepEqual(second.diff, {
      set: {
        "/endpoints/10.0.0.0|50051|h2c/weight": 5,
        "/endpoints/10.0.0.9|50051|h2c": { address: "10.0.0.9", port: 50_051, zone: "zone-b" },
      },
      unset: ["/endpoints/10.0.0.1|50051|h2c"],
      was: { "/endpoints/10.0.0.1|50051|h2c": { address: "10.0.0.1", port: 50_051, zone: "zone-a" } },
    });
  });

  it("say nothing where nothing differs, and that a service is gone", () => {
    const rig = new RecorderRig();
    rig.note({ kind: "service", model: model(2) }).take();
    assert.deepEqual(rig.note({ kind: "service", model: model(2) }).take(), []);
    assert.deepEqual(rig.note({ kind: "gone", name: "a:1", cause }).take(), [
      { kind: "removed", name: "a:1", was: 1, cause },
    ]);
    assert.deepEqual(rig.note({ kind: "gone", name: "a:1", cause }).take(), []);
  });

  it("concern cluster, endpoints and routes where settings change, as clients are then sent all of these", () => {
    const rig = new RecorderRig();
    const before = model(1);
    rig.note({ kind: "service", model: before }).take();
    const after = { ...before, cluster: { ...before.cluster, maxPendingStreams: 7 } };
    const [record] = rig.note({ kind: "service", model: after }).take();
    assert.ok(record?.kind === "changed");
    assert.deepEqual(record.diff, {
      set: { "/cluster/maxPendingStreams": 7 },
      was: { "/cluster/maxPendingStreams": 1024 },
    });
    assert.deepEqual(record.parts, ["cluster", "endpoints", "routes"]);
  });
});

describe("records of what clients are told", () => {
  it("are one for a thousand clients that are told the same, however often it is asked for", () => {
    const rig = new RecorderRig();
    rig.note({ kind: "service", model: model(2) });
    const responses: AuditedResponse[] = [];
    for (let id = 0; id < 1_000; id++) {
      const answer = response({ "a:1": "v1" });
      responses.push(answer);
      rig.note({ kind: "opened", stream: stream(id, `n${id}`) });
      rig.note({ kind: "pushed", stream: id, part: "endpoints", response: answer });
    }
    rig.take();
    for (const [id, answer] of responses.entries())
      rig.note({ kind: "answered", stream: id, response: answer, message: undefined });
    const [told, ...others] = rig.take();
    assert.ok(told?.kind === "told");
    assert.deepEqual([others, told.of, told.version, told.streams.length], [[], 1, "v1", 1_000]);
    // The first of them was sent at `from`, 1,998 ms before its answer: two events for each client.
    assert.deepEqual(told.streams[0]?.slice(0, 2), [0, 0]);
    assert.ok(JSON.stringify(told).length < 25_000, "some 20 octets for each");
  });

  it("say that a response was not answered when a second has passed, and its answer when it comes", () => {
    const rig = new RecorderRig();
    rig.note({ kind: "service", model: model(2) }).note({ kind: "opened", stream: stream(1, "n1") });
    const answer = response({ "a:1": "v1" });
    rig.note({ kind: "pushed", stream: 1, part: "endpoints", response: answer });
    assert.deepEqual(
      rig.take().map(({ kind }) => kind),
      ["changed", "stream"],
    );
    assert.ok(rig.recorder.isWaitingForAnswers);
    const [sent] = rig.take(1_500);
    assert.ok(sent?.kind === "told" && !rig.recorder.isWaitingForAnswers);
    assert.deepEqual(sent.streams, [[1, 0]]);
    rig.note({ kind: "answered", stream: 1, response: answer, message: undefined });
    const [answered] = rig.take();
    assert.ok(answered?.kind === "told");
    assert.deepEqual(answered.streams, [[1, 0, 1_501]]);
  });

  it("leave out what a client has already", () => {
    const rig = new RecorderRig();
    rig
      .note({ kind: "service", model: model(2) })
      .note({ kind: "opened", stream: stream(1, "n1", { transport: "sotw" }) });
    const first = response({ "a:1": "v1", "b:1": "v1" });
    rig.note({ kind: "pushed", stream: 1, part: "cluster", response: first });
    rig.note({ kind: "answered", stream: 1, response: first, message: undefined }).take();
    const second = response({ "a:1": "v1", "b:1": "v2" });
    rig.note({ kind: "pushed", stream: 1, part: "cluster", response: second });
    const records = rig.note({ kind: "answered", stream: 1, response: second, message: undefined }).take();
    assert.deepEqual(
      records.map((each) => each.kind === "told" && each.name),
      ["b:1"],
    );
  });

  it("say of a SotW client that what is not in a response of all is gone", () => {
    const rig = new RecorderRig();
    rig.note({ kind: "opened", stream: stream(1, "n1", { transport: "sotw" }) });
    const first = response({ "a:1": "v1", "b:1": "v1" });
    rig.note({ kind: "pushed", stream: 1, part: "cluster", response: first });
    rig.note({ kind: "answered", stream: 1, response: first, message: undefined }).take();
    const second = response({ "b:1": "v1" });
    rig.note({ kind: "pushed", stream: 1, part: "cluster", response: second });
    const [told] = rig.note({ kind: "answered", stream: 1, response: second, message: undefined }).take();
    assert.ok(told?.kind === "told");
    assert.deepEqual([told.name, told.version], ["a:1", ""]);
  });

  it("keep a refusal apart: the client goes on with what it had", () => {
    const rig = new RecorderRig();
    rig.note({ kind: "opened", stream: stream(1, "n1") });
    const first = response({ "a:1": "v1" });
    rig.note({ kind: "pushed", stream: 1, part: "cluster", response: first });
    rig.note({ kind: "answered", stream: 1, response: first, message: undefined });
    const second = response({ "a:1": "v2" });
    rig.note({ kind: "pushed", stream: 1, part: "cluster", response: second });
    rig.note({ kind: "answered", stream: 1, response: second, message: "no such policy" });
    const refused = rig.take().find(({ kind }) => kind === "refused");
    assert.ok(refused?.kind === "refused");
    assert.deepEqual([refused.version, refused.message], ["v2", "no such policy"]);
    const holds = rig.state().filter(({ kind }) => kind === "holds");
    assert.deepEqual(holds, [
      { kind: "holds", part: "cluster", name: "a:1", version: "v1", of: 0, streams: [1] },
    ]);
  });

  it("say what a client brought, and what it was made of once that has turned out to be what there is", () => {
    const rig = new RecorderRig();
    rig
      .note({ kind: "service", model: model(2) })
      .note({ kind: "opened", stream: stream(1, "n1") })
      .take();
    rig.note({ kind: "began", stream: 1, part: "endpoints", brought: new Map([["a:1", "v1"]]) });
    assert.deepEqual(rig.take(), [
      { kind: "began", part: "endpoints", from: "1970-01-01T00:00:01.002Z", streams: [[1, 0]] },
      {
        kind: "kept",
        part: "endpoints",
        name: "a:1",
        version: "v1",
        of: 0,
        from: "1970-01-01T00:00:01.002Z",
        streams: [[1, 0]],
      },
    ]);
    const [kept] = rig.note({ kind: "current", stream: 1, part: "endpoints", name: "a:1" }).take();
    assert.ok(kept?.kind === "kept" && kept.of === 1);
    assert.deepEqual(rig.note({ kind: "current", stream: 1, part: "endpoints", name: "a:1" }).take(), []);
    rig.note({ kind: "began", stream: 1, part: "cluster", brought: new Map([["a:1", "v1"]]) });
    rig.note({ kind: "current", stream: 1, part: "cluster", name: "a:1" });
    const records = rig.take().map((each) => [each.kind, each.kind === "kept" && each.of]);
    assert.deepEqual(records, [
      ["began", false],
      ["kept", 1],
    ]);
  });
});

describe("the state at the head of a file", () => {
  it("has everything as it is, alike beliefs in one record, and nothing of streams that ended", () => {
    const rig = new RecorderRig();
    const spec = { targetRefs: [{ name: "a" }], timeouts: { request: "1s" } };
    rig.note({ kind: "service", model: model(2) }).note({ kind: "policy", policy: "shop/a", cause, spec });
    for (const id of [1, 2, 3]) {
      const answer = response({ "a:1": "v1" });
      rig.note({ kind: "opened", stream: stream(id, `n${id}`) });
      rig.note({ kind: "pushed", stream: id, part: "endpoints", response: answer });
      rig.note({ kind: "answered", stream: id, response: answer, message: undefined });
    }
    rig.note({ kind: "closed", stream: 2 }).take();
    const state = rig.state();
    assert.deepEqual(
      state.map(({ kind }) => kind),
      ["service", "policy", "stream", "stream", "holds", "complete"],
    );
    const [known, policy, , , holds] = state;
    assert.ok(known?.kind === "service" && policy?.kind === "policy" && holds?.kind === "holds");
    assert.deepEqual([known.version, known.parts.endpoints, policy.version, policy.spec], [1, 1, 2, spec]);
    assert.deepEqual(holds.streams, [1, 3]);
  });

  it("forgets what a client does not want any more, and policies that were deleted", () => {
    const rig = new RecorderRig();
    const answer = response({ "a:1": "v1" });
    rig
      .note({ kind: "policy", policy: "shop/a", cause, spec: {} })
      .note({ kind: "opened", stream: stream(1, "n1") });
    rig.note({ kind: "pushed", stream: 1, part: "endpoints", response: answer });
    rig.note({ kind: "answered", stream: 1, response: answer, message: undefined });
    rig.note({ kind: "dropped", stream: 1, part: "endpoints", name: "a:1" });
    rig.note({ kind: "policy", policy: "shop/a", cause, spec: null }).take();
    assert.deepEqual(
      rig.state().map(({ kind }) => kind),
      ["stream", "complete"],
    );
  });
});
