import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../../src/base/random.ts";
import { CallerViews } from "../../../src/control-plane/callers/caller-views.ts";
import { CaptureViews } from "../../../src/control-plane/callers/capture-views.ts";
import { OptInBook } from "../../../src/controller/opt-in-book.ts";
import { SILENT_VERDICTS } from "../../../src/controller/silent-verdicts.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { decodeCaptureView } from "../../../src/xds/resources/capture-view.ts";
import type { ClientKind } from "../../../src/xds/resources/client-kind.ts";
import { decodeDeltaResponse } from "../../../src/xds/resources/delta-response.ts";
import { OWN_TYPE_URL } from "../../../src/xds/resources/type-url.ts";
import { ScriptedApiServer } from "../../kube/harness/scripted-api-server.ts";

const { callerView, captureView } = OWN_TYPE_URL;

function view(kind: ClientKind = "isobar") {
  return { id: kind, kind, region: "", zone: "", node: "" };
}

/** Of a client that has proved to be the proxy of a node; undefined: somebody else who was let in. */
function filter(node: string | undefined) {
  return { key: "", node, mayCall: () => true };
}

function service(name: string, address: string) {
  return { service: `${name}.shop:80`, addresses: [address], port: 80 };
}

test("the callers of a node are told to its own proxy alone, and its Pods are read for nobody else", async () => {
  const server = await ScriptedApiServer.start();
  const views = new CallerViews({
    api: server.api,
    optIn: new OptInBook(() => undefined),
    namespace: () => undefined,
    access: () => undefined,
    verdicts: () => SILENT_VERDICTS,
    log: createLog({ stream: { write: () => {} } }),
    random: new SeededRandom(1),
  });
  const changed: string[] = [];
  views.watch(({ resources }) => void changed.push(...resources.map(({ name }) => name)));
  for (const denied of [filter("n2"), filter(undefined)])
    assert.equal(views.find(callerView, "n1", view(), denied), undefined);
  assert.equal(views.find(callerView, "n1", view("grpc"), filter("n1")), undefined);
  assert.equal(server.asked.length, 0);
  assert.equal(views.size, 0);

  assert.equal(views.find(callerView, "n1", view(), filter("n1")), undefined, "not known yet");
  const untilMs = performance.now() + 20_000;
  while (changed.length === 0 && performance.now() < untilMs)
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(new Set(changed), new Set(["n1"]));
  assert.notEqual(views.find(callerView, "n1", view(), filter("n1")), undefined);
  assert.ok(server.asked.every(({ query }) => query.get("fieldSelector") === "spec.nodeName=n1"));
  assert.equal(views.find(callerView, "n1", view(), filter("n2")), undefined, "known, and not for everybody");
  views.sweep((node) => node === "n1");
  assert.equal(views.size, 1);
  views.sweep(() => false);
  assert.equal(views.size, 0);
  await views.close();
  await server.close();
});

test("what is captured is told to proxies of any node, to no other client, and not before all of it is known", () => {
  const views = new CaptureViews();
  let changes = 0;
  views.watch(() => void changes++);
  views.set("shop/b", [service("b", "10.96.0.2")]);
  assert.equal(views.find(captureView, "capture", view(), filter("n1")), undefined);
  views.settled();
  for (const allowed of [filter("n1"), undefined])
    assert.notEqual(views.find(captureView, "capture", view(), allowed), undefined);
  assert.equal(views.find(captureView, "capture", view(), filter(undefined)), undefined);
  assert.equal(views.find(captureView, "capture", view("envoy")), undefined);
  assert.equal(views.find(captureView, "other", view()), undefined);
  assert.equal(changes, 1);
  views.set("shop/b", [service("b", "10.96.0.2")]);
  assert.equal(changes, 1, "the same again is no change");
});

test("services are told in one order, and an address and port once", () => {
  const views = new CaptureViews();
  views.settled();
  views.set("shop/c", [service("c", "10.96.0.2")]);
  views.set("shop/b", [service("b", "10.96.0.2")]);
  views.set("shop/a", [service("a", "10.96.0.1")]);
  const told = (): string[] => {
    const { inDelta } = views.find(captureView, "capture", view())!;
    const [resource] = decodeDeltaResponse(inDelta).value!.resources;
    return decodeCaptureView(resource!.octets).value!.services.map((each) => each.service);
  };
  assert.deepEqual(told(), ["a.shop:80", "b.shop:80"]);
  views.set("shop/b", []);
  assert.deepEqual(told(), ["a.shop:80", "c.shop:80"]);
});
