import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CAPTURED_CONDITION } from "../../src/controller/capture/capture-condition.ts";
import { go } from "../clients/harness/go.ts";
import { until } from "../e2e/harness/until.ts";
import type { PodOptions } from "./harness/box-cluster.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import type { BoxService } from "./harness/box-service.ts";
import { BoxShop, captured } from "./harness/box-shop.ts";
import { boxSuite } from "./harness/missing-for-box.ts";
import { spreadOf } from "./harness/spread-of.ts";

/** What the meshes' injectors leave on Pods. */
const MESHED: Readonly<Record<string, PodOptions>> = {
  Istio: { annotations: { "sidecar.istio.io/status": '{"revision":"default"}' } },
  Linkerd: { annotations: { "linkerd.io/proxy-version": "edge-26.1.1" } },
  "Istio ambient": { labels: { "istio.io/dataplane-mode": "ambient" } },
};
const LIMIT_MS = 20_000;

describe("what is inside another mesh", boxSuite(), () => {
  let shop: BoxShop;
  let node: BoxNode;
  let pod: BoxPod;
  let mixed: BoxService;
  const endpoints: BoxPod[] = [];

  before(async () => {
    shop = await BoxShop.open();
    node = shop.box.nodes[0]!;
    mixed = await shop.box.service("shop", "mixed");
    for (const name of ["mixed-0", "mixed-1"]) await addEndpoint(name);
    pod = await shop.box.pod("shop", "client");
    await captured(node, pod);
    await untilCaptured(true);
  });
  after(() => shop?.[Symbol.asyncDispose]());

  async function addEndpoint(name: string, options: PodOptions = {}): Promise<BoxPod> {
    const added = await shop.box.pod("shop", name, options);
    await added.serve(mixed.port);
    await mixed.add(added);
    endpoints.push(added);
    return added;
  }

  async function untilCaptured(isWanted: boolean): Promise<void> {
    await until(
      `the Service is ${isWanted ? "" : "not "}captured`,
      () =>
        node.holds(
          ({ services }) => services.some(({ service }) => service === mixed.clusterName) === isWanted,
        ),
      () => node.trouble(),
      LIMIT_MS,
    );
  }

  const callsOf = (client: string): number => endpoints.reduce((sum, each) => sum + each.callsOf(client), 0);

  for (const [mesh, options] of Object.entries(MESHED)) {
    it(`is a Service's endpoint inside ${mesh}: the Service is left alone, says so, and no call fails`, async () => {
      const load = new BoxLoad(pod, go, "steady", mixed);
      const before = callsOf("steady");
      await until("it calls", () => callsOf("steady") > before + 20);
      const meshed = await addEndpoint(`meshed-${mesh.toLowerCase().replace(" ", "-")}`, options);
      await untilCaptured(false);
      const found = await until(
        "the condition",
        async () => (await mixed.condition(CAPTURED_CONDITION)).startsWith("False InsideMesh"),
        () => mixed.condition(CAPTURED_CONDITION),
        LIMIT_MS,
      ).then(() => mixed.condition(CAPTURED_CONDITION));
      assert.match(found, new RegExp(`found Pod ${meshed.name} inside ${mesh},`));
      const counts = await spreadOf(pod, go, mixed.target, mixed.authority);
      assert.equal(Object.keys(counts).length, 1, JSON.stringify(counts));
      // What was captured before goes on.
      const now = callsOf("steady");
      await until("it goes on", () => callsOf("steady") > now + 20);
      assert.deepEqual((await load.finish()).failed, []);

      await mixed.remove(meshed);
      endpoints.pop();
      await untilCaptured(true);
      await until(
        "the condition is gone",
        async () => !(await mixed.condition(CAPTURED_CONDITION)).startsWith("False"),
        () => mixed.condition(CAPTURED_CONDITION),
        LIMIT_MS,
      );
    });

    it(`is a caller inside ${mesh}: its calls are its mesh's, and an Event names it`, async () => {
      const caller = await shop.box.pod("shop", `caller-${mesh.toLowerCase().replace(" ", "-")}`, options);
      await until(
        "an Event",
        async () => JSON.stringify(await events()).includes(`Pod ${caller.name}`),
        events,
        LIMIT_MS,
      );
      await captured(node, caller, false);
      const counts = await spreadOf(caller, go, shop.echo.target, shop.echo.authority);
      assert.equal(Object.keys(counts).length, 1, JSON.stringify(counts));
    });
  }

  /** @returns what Events of Namespaces, which are in the namespace default, say of meshes. */
  async function events(): Promise<readonly string[]> {
    const all = await shop.box.writer.list("v1", "events", "default");
    return all
      .map((each) => each as unknown as { readonly reason: string; readonly message: string })
      .filter(({ reason }) => reason === "InsideMesh")
      .map(({ message }) => message);
  }
});
