import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { askAudit } from "../../src/audit/ask-audit.ts";
import { AuditError, AuditReader } from "../../src/audit/audit-reader.ts";
import type { AuditView, ClientView, PartView } from "../../src/audit/audit-view.ts";
import { diffAudit } from "../../src/audit/diff-audit.ts";
import type { ServicePart } from "../../src/audit/service-state.ts";
import { service } from "../xds/service-builder.ts";
import { AuditRig, response, stream } from "./audit-fixture.ts";

const NAME = "echo.shop:50051";
/** The audit's own clock runs: events are dated from here on, a second apart. */
let beginMs = 0;
let rig: AuditRig;

beforeEach(async () => {
  beginMs = Date.now() + 1_000;
  rig = await AuditRig.start();
  rig.note({ kind: "service", model: service(NAME, 2) }, beginMs);
  rig.trail.synced();
  await rig.written();
});

afterEach(() => rig.close());

function second(n: number): number {
  return beginMs + n * 1_000;
}

function tell(
  id: number,
  part: ServicePart,
  versions: Record<string, string>,
  sent: number,
  answered?: number,
  message?: string,
): void {
  const answer = response(versions);
  rig.note({ kind: "pushed", stream: id, part, response: answer }, second(sent));
  if (answered !== undefined)
    rig.note({ kind: "answered", stream: id, response: answer, message }, second(answered));
}

async function ask(at: number, node?: string, wanted = "shop/echo"): Promise<AuditView> {
  await rig.written();
  return askAudit(await AuditReader.open(rig.folder), { atMs: second(at), node, service: wanted });
}

function clientOf(view: AuditView): ClientView {
  const [client, ...others] = view.services[0]!.clients;
  assert.equal(others.length, 0);
  return client!;
}

function part({ parts }: ClientView, name: ServicePart): PartView {
  return parts.find((each) => each.part === name)!;
}

function count(believed: ClientView["believed"]): number | undefined {
  return believed?.endpoints === undefined ? undefined : Object.keys(believed.endpoints).length;
}

describe("what a client believed", () => {
  it("is what it had accepted, with what was under way and what it lacked", async () => {
    rig.note({ kind: "opened", stream: stream(1, "n7") }, second(0));
    for (const each of ["cluster", "endpoints"] as const) tell(1, each, { [NAME]: "v1" }, 1, 2);
    rig.note({ kind: "service", model: service(NAME, 3) }, second(4));
    tell(1, "endpoints", { [NAME]: "v2" }, 5, 6);

    const before = clientOf(await ask(3, "n7"));
    assert.deepEqual([part(before, "endpoints").version, count(before.believed)], ["v1", 2]);
    assert.deepEqual(part(before, "endpoints").behind, []);

    const meanwhile = clientOf(await ask(5.5, "n7"));
    const { version, underWay, behind } = part(meanwhile, "endpoints");
    assert.deepEqual(
      [version, underWay?.version, underWay?.answered],
      ["v1", "v2", new Date(second(6)).toISOString()],
    );
    assert.deepEqual([behind.length, count(meanwhile.believed)], [1, 2]);
    assert.deepEqual(part(meanwhile, "cluster").behind, [], "its settings have not changed");

    const after = clientOf(await ask(7, "n7"));
    assert.deepEqual(
      [part(after, "endpoints").version, part(after, "endpoints").underWay, count(after.believed)],
      ["v2", undefined, 3],
    );
    assert.equal(part(after, "routes").state, "unknown");
  });

  it("is what it had before, where it refused something", async () => {
    rig.note({ kind: "opened", stream: stream(1, "n7") }, second(0));
    tell(1, "cluster", { [NAME]: "v1" }, 1, 2);
    tell(1, "cluster", { [NAME]: "v2" }, 3, 4, "no such policy");
    const { version, refused, state } = part(clientOf(await ask(5, "n7")), "cluster");
    assert.deepEqual(
      [state, version, refused?.version, refused?.message],
      ["accepted", "v1", "v2", "no such policy"],
    );
  });

  it("is nothing of what it was told not to exist, or does not want any more", async () => {
    rig.note({ kind: "opened", stream: stream(1, "n7") }, second(0));
    for (const each of ["cluster", "endpoints"] as const) tell(1, each, { [NAME]: "" }, 1, 2);
    const absent = clientOf(await ask(3, "n7"));
    assert.deepEqual([part(absent, "cluster").state, absent.believed], ["absent", null]);
    rig.note({ kind: "dropped", stream: 1, part: "cluster", name: NAME }, second(4));
    assert.equal(part(clientOf(await ask(5, "n7")), "cluster").state, "unknown");
  });

  it("of an Envoy are the routes of all services", async () => {
    rig.note(
      { kind: "opened", stream: stream(1, "edge", { client: "envoy", transport: "sotw" }) },
      second(0),
    );
    tell(1, "routes", { isobar: "r1" }, 1, 2);
    const { name, state } = part(clientOf(await ask(3, "edge")), "routes");
    assert.deepEqual([name, state], ["isobar", "accepted"]);
  });

  it("is shown for every client where no node is named, and in a list where no service is", async () => {
    for (const id of [1, 2]) {
      rig.note({ kind: "opened", stream: stream(id, `n${id}`) }, second(0));
      tell(id, "endpoints", { [NAME]: "v1" }, 1, 2);
    }
    rig.note({ kind: "service", model: service(NAME, 5) }, second(3));
    tell(2, "endpoints", { [NAME]: "v2" }, 3, 4);
    const { services } = await ask(5);
    assert.deepEqual(
      services[0]!.clients.map(({ node, believed }) => [node, count(believed)]),
      [
        ["n1", 2],
        ["n2", 5],
      ],
    );
    const reader = await AuditReader.open(rig.folder);
    const { list } = await askAudit(reader, { atMs: second(5), node: "n1" });
    assert.deepEqual(
      list.map(({ name, endpoints, believedEndpoints, isBehind }) => [
        name,
        endpoints,
        believedEndpoints,
        isBehind,
      ]),
      [[NAME, 5, 2, true]],
    );
  });
});

describe("what a client believed beyond its stream", () => {
  it("goes on when the stream has ended, and until a new one says what it has", async () => {
    rig.note({ kind: "opened", stream: stream(1, "n7") }, second(0));
    tell(1, "endpoints", { [NAME]: "v1" }, 1, 2);
    rig.note({ kind: "closed", stream: 1 }, second(3));
    const gone = clientOf(await ask(4, "n7"));
    assert.deepEqual([gone.ended, count(gone.believed)], [new Date(second(3)).toISOString(), 2]);

    rig.note({ kind: "opened", stream: stream(2, "n7") }, second(5));
    const back = clientOf(await ask(6, "n7"));
    const { isFromFormerStream, version } = part(back, "endpoints");
    assert.deepEqual([back.stream, isFromFormerStream, version], [2, true, "v1"]);

    rig.note({ kind: "began", stream: 2, part: "endpoints", brought: new Map() }, second(7));
    assert.equal(
      part(clientOf(await ask(8, "n7")), "endpoints").state,
      "unknown",
      "it has said that it has nothing",
    );
  });

  it("is found in the file in which it was last heard of", async () => {
    rig.note({ kind: "opened", stream: stream(1, "n7") }, second(0));
    tell(1, "endpoints", { [NAME]: "v1" }, 0.1, 0.2);
    await rig.written();
    await rig.trail.close();
    await new Promise((resolve) => setTimeout(resolve, Math.max(second(1) - Date.now(), 0)));
    await rig.open();
    rig.note({ kind: "service", model: service(NAME, 4) });
    rig.trail.synced();
    await rig.written();
    const view = await askAudit(await AuditReader.open(rig.folder), {
      atMs: Date.now(),
      node: "n7",
      service: "shop/echo",
    });
    const client = clientOf(view);
    assert.match(
      view.notes.join(),
      /was not connected in audit-\d+\.jsonl; this is what it believed when it was last heard of/,
    );
    assert.deepEqual([part(client, "endpoints").version, count(client.believed)], ["v1", 2]);
    assert.equal(Object.keys(view.services[0]!.known!.state.endpoints).length, 4);
    // With that file its content is gone, and the node with it.
    await rm(join(rig.folder, (await rig.files())[0]!));
    const reader = await AuditReader.open(rig.folder);
    await assert.rejects(
      askAudit(reader, { atMs: Date.now(), node: "n7", service: "shop/echo" }),
      /node "n7" had not connected by/,
    );
  });

  it("is found in an earlier file where its stream goes on and the service has changed since", async () => {
    const full = await AuditRig.start({ fileOctets: 20_000 });
    full.note({ kind: "service", model: service(NAME, 2) });
    full.trail.synced();
    full.note({ kind: "opened", stream: stream(1, "n7") });
    const answer = response({ [NAME]: "v1" });
    full.note({ kind: "pushed", stream: 1, part: "endpoints", response: answer });
    full.note({ kind: "answered", stream: 1, response: answer, message: undefined });
    // It refuses everything else, while files fill up.
    for (let i = 0; (await full.files()).length < 3; i++) {
      full.note({ kind: "service", model: service(NAME, 3 + (i % 40)) });
      const other = response({ [NAME]: `w${i}` });
      full.note({ kind: "pushed", stream: 1, part: "endpoints", response: other });
      full.note({ kind: "answered", stream: 1, response: other, message: "no" });
      await full.written();
    }
    const reader = await AuditReader.open(full.folder);
    const client = clientOf(await askAudit(reader, { atMs: Date.now(), node: "n7", service: "shop/echo" }));
    assert.deepEqual([part(client, "endpoints").version, count(client.believed)], ["v1", 2]);
    await full.close();
  });
});

describe("what was known", () => {
  it("differs between two times by what is said, and by which changes", async () => {
    rig.note({ kind: "service", model: service(NAME, 3) }, second(2));
    rig.note({ kind: "service", model: service("other.shop:1", 1) }, second(3));
    rig.note({ kind: "gone", name: NAME, cause: undefined }, second(5));
    await rig.written();
    const reader = await AuditReader.open(rig.folder);
    const { services, changes } = await diffAudit(reader, { fromMs: second(1), toMs: second(4) });
    assert.deepEqual(
      services.map(({ name, kind }) => [name, kind]),
      [
        [NAME, "changed"],
        ["other.shop:1", "new"],
      ],
    );
    assert.deepEqual(Object.keys(services[0]!.diff?.set ?? {}), ["/endpoints/10.0.0.2|50051|h2c"]);
    assert.deepEqual(
      changes.map(({ subject, kind }) => [subject, kind]),
      [
        [NAME, "changed"],
        ["other.shop:1", "new"],
      ],
    );
    const gone = await diffAudit(reader, { fromMs: second(4), toMs: second(6), service: "shop/echo" });
    assert.deepEqual(
      gone.services.map(({ kind }) => kind),
      ["removed"],
    );
    const view = await ask(6);
    assert.deepEqual(
      view.services.map(({ known }) => known),
      [null],
    );
  });

  it("can be asked for by every name of the service", async () => {
    for (const wanted of ["shop/echo", "shop/echo:50051", NAME, "ECHO.shop:50051"])
      assert.equal((await ask(1, undefined, wanted)).services[0]?.name, NAME, wanted);
    await assert.rejects(ask(1, undefined, "shop/other"), AuditError);
    await assert.rejects(ask(1, undefined, "shop/echo:1"), AuditError);
  });
});
