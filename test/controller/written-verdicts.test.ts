import assert from "node:assert/strict";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "undici";
import { SeededRandom } from "../../src/base/random.ts";
import type { ClusterObjects } from "../../src/controller/cluster-objects.ts";
import { StatusWriter } from "../../src/controller/status-writer.ts";
import { WrittenVerdicts } from "../../src/controller/written-verdicts.ts";
import { ApiClient } from "../../src/kube/api-client.ts";
import type { ApiConnection } from "../../src/kube/api-connection.ts";
import { ObjectStore } from "../../src/kube/object-store.ts";
import type { NewCondition } from "../../src/kube/objects/condition.ts";
import type { GrpcRouteObject } from "../../src/kube/objects/grpc-route-object.ts";
import { GRPC_ROUTES } from "../../src/kube/objects/grpc-route-object.ts";
import type { ServiceObject } from "../../src/kube/objects/service-object.ts";
import { SERVICES } from "../../src/kube/objects/service-object.ts";
import type { TrafficPolicyObject } from "../../src/kube/objects/traffic-policy-object.ts";
import { TRAFFIC_POLICIES } from "../../src/kube/objects/traffic-policy-object.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { metadata } from "./harness/raw-objects.ts";

const NOW_MS = Date.parse("2026-11-23T12:00:00.5Z");
const CONDITION: NewCondition = {
  type: "Accepted",
  status: "False",
  reason: "Invalid",
  message: "spec.x: found 1, wanted 2",
  observedGeneration: 3,
};
const PROBLEM = { field: "spec.x", text: "found 1, wanted 2" };
const GONE = { code: 404, body: { kind: "Status", code: 404 } };
const CONFLICT = { code: 409, body: { kind: "Status", code: 409, reason: "Conflict" } };

interface Written {
  readonly method: string;
  readonly path: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of several kinds
  readonly body: any;
}

/** Takes what is written. Answers are those put into `answers`, then success. */
class Clerk {
  readonly written: Written[] = [];
  readonly answers: { readonly code: number; readonly body: object }[] = [];
  readonly policies = keep<TrafficPolicyObject>();
  readonly routes = keep<GrpcRouteObject>();
  readonly services = keep<ServiceObject>();
  readonly verdicts: WrittenVerdicts;
  readonly writer: StatusWriter;

  private constructor(server: Server) {
    server.on("request", (request, response) => void this.#take(request, response));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const dispatcher = new Agent();
    const connection = { prepare: () => Promise.resolve({ origin, dispatcher, headers: {} }) };
    const api = new ApiClient(connection as unknown as ApiConnection);
    this.writer = new StatusWriter(api, createLog({ level: "silent" }), new SeededRandom(1));
    const { policies, routes, services } = this;
    const objects = { policies, routes, services } as unknown as ClusterObjects;
    this.verdicts = new WrittenVerdicts(this.writer, objects, () => NOW_MS);
  }

  static async open(t: TestContext): Promise<Clerk> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const clerk = new Clerk(server);
    t.after(async () => {
      await clerk.writer.close();
      server.closeAllConnections();
      server.close();
    });
    return clerk;
  }

  async until(count: number): Promise<void> {
    for (let tries = 0; this.written.length < count; tries++) {
      assert.ok(tries < 2_000, `${this.written.length} writes, wanted ${count}`);
      await sleep(5);
    }
    await sleep(100);
    assert.equal(this.written.length, count);
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    this.written.push({
      method: request.method ?? "",
      path: request.url ?? "",
      type: request.headers["content-type"] ?? "",
      body: JSON.parse(text),
    });
    const { code, body } = this.answers.shift() ?? { code: 200, body: {} };
    response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
  }
}

function keep<T extends TrafficPolicyObject | GrpcRouteObject | ServiceObject>(): ObjectStore<T> {
  return new ObjectStore<T>({ onChange: () => {}, onFault: () => {} });
}

function policy(conditions: readonly object[] = []): TrafficPolicyObject {
  return TRAFFIC_POLICIES.decode({ metadata: metadata("p"), spec: {}, status: { conditions } });
}

describe("WrittenVerdicts", () => {
  it("writes a condition and an Event once, however often it is said", async (t) => {
    const clerk = await Clerk.open(t);
    const object = policy([{ type: "Other", status: "True", reason: "R", message: "m" }]);
    clerk.policies.upsert(object);
    clerk.verdicts.onPolicy(object, CONDITION, [PROBLEM]);
    clerk.verdicts.onPolicy(object, CONDITION, [PROBLEM]);
    await clerk.until(2);
    const [patch, event] = clerk.written;
    assert.deepEqual(
      [patch?.method, patch?.path],
      ["PATCH", "/apis/isobar.dev/v1alpha1/namespaces/shop/trafficpolicies/p/status"],
    );
    assert.equal(patch?.type, "application/merge-patch+json");
    assert.deepEqual(patch?.body, {
      metadata: { resourceVersion: object.resourceVersion },
      status: {
        conditions: [
          { type: "Other", status: "True", reason: "R", message: "m" },
          { ...CONDITION, lastTransitionTime: "2026-11-23T12:00:00Z" },
        ],
      },
    });
    assert.deepEqual([event?.method, event?.path], ["POST", "/api/v1/namespaces/shop/events"]);
    assert.equal(event?.body.message, "spec.x: found 1, wanted 2");
    assert.deepEqual(
      [event?.body.involvedObject.kind, event?.body.involvedObject.uid],
      ["TrafficPolicy", object.uid],
    );
  });

  it("writes nothing that stands there already, and keeps the time of a condition whose words alone change", async (t) => {
    const clerk = await Clerk.open(t);
    const standing = { ...CONDITION, lastTransitionTime: "2026-01-01T00:00:00Z" };
    const object = policy([standing]);
    clerk.policies.upsert(object);
    clerk.verdicts.onPolicy(object, CONDITION, []);
    await clerk.until(0);
    clerk.verdicts.onPolicy(object, { ...CONDITION, message: "other words" }, []);
    await clerk.until(1);
    assert.equal(clerk.written[0]?.body.status.conditions[0].lastTransitionTime, "2026-01-01T00:00:00Z");
  });

  it("makes a refused write again of what has come in by then", async (t) => {
    const clerk = await Clerk.open(t);
    const object = policy();
    clerk.policies.upsert(object);
    clerk.answers.push(CONFLICT);
    clerk.verdicts.onPolicy(object, CONDITION, []);
    await clerk.until(1);
    const newer = policy([{ type: "Other", status: "True", reason: "R", message: "m" }]);
    clerk.policies.upsert(newer);
    await clerk.until(2);
    assert.equal(clerk.written[1]?.body.metadata.resourceVersion, newer.resourceVersion);
    assert.equal(clerk.written[1]?.body.status.conditions.length, 2);
    assert.equal(clerk.writer.written, 1);
  });

  it("lets go of what has been deleted, and of an Event that another replica wrote first", async (t) => {
    const clerk = await Clerk.open(t);
    const object = policy();
    clerk.verdicts.onPolicy(object, CONDITION, []);
    clerk.policies.upsert(object);
    clerk.policies.remove(object);
    await clerk.until(0);
    clerk.policies.upsert(object);
    clerk.answers.push(GONE, CONFLICT);
    clerk.verdicts.onPolicy(object, CONDITION, [PROBLEM]);
    await clerk.until(2);
    await sleep(600);
    assert.equal(clerk.written.length, 2);
    assert.equal(clerk.writer.lost, 0);
  });

  it("writes several conditions of a Service at once, and an Event for each kind of trouble", async (t) => {
    const clerk = await Clerk.open(t);
    const object = SERVICES.decode({ metadata: metadata("s"), spec: {} });
    clerk.services.upsert(object);
    const affinity = {
      ...CONDITION,
      type: "isobar.dev/SessionAffinityTimeoutUsed",
      message: "spec.a: found 60",
    };
    clerk.verdicts.onService(object, [CONDITION, affinity], [PROBLEM]);
    clerk.verdicts.onService(object, [CONDITION, affinity], [PROBLEM]);
    await clerk.until(3);
    const patches = clerk.written.filter(({ method }) => method === "PATCH");
    assert.deepEqual(
      patches.map(({ body }) => body.status.conditions.map(({ type }: NewCondition) => type)),
      [["Accepted", "isobar.dev/SessionAffinityTimeoutUsed"]],
    );
    assert.deepEqual(
      clerk.written
        .filter(({ method }) => method === "POST")
        .map(({ body }) => [body.reason, body.message])
        .sort(),
      [
        ["InvalidAnnotation", "spec.x: found 1, wanted 2"],
        ["SessionAffinityTimeoutUnused", "spec.a: found 60"],
      ],
    );
  });

  it("leaves to other controllers what they say of a route", async (t) => {
    const clerk = await Clerk.open(t);
    const parentRef = { group: "", kind: "Service", name: "echo" };
    const other = { parentRef: { name: "front" }, controllerName: "example.org/gateway", conditions: [] };
    const ours = { parentRef, controllerName: "isobar.dev/control-plane", conditions: [] };
    const object = GRPC_ROUTES.decode({
      metadata: metadata("r"),
      spec: { parentRefs: [parentRef] },
      status: { parents: [ours, other] },
    });
    clerk.routes.upsert(object);
    clerk.verdicts.onRoute(object, [{ parentRef, conditions: [CONDITION] }], []);
    await clerk.until(1);
    const { parents } = clerk.written[0]?.body.status ?? {};
    assert.deepEqual(parents[0], other);
    assert.equal(parents[1].controllerName, "isobar.dev/control-plane");
    assert.equal(parents[1].conditions[0].status, "False");
    assert.equal(parents.length, 2);
  });
});
