import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { go } from "../clients/harness/go.ts";
import { BoxCluster } from "./harness/box-cluster.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import type { BoxService } from "./harness/box-service.ts";
import { boxSuite, buildPrograms } from "./harness/missing-for-box.ts";
import { spreadOf } from "./harness/spread-of.ts";

const PODS = 3;

describe("a cluster in a box without Isobar", boxSuite(), () => {
  let box: BoxCluster;
  let echo: BoxService;
  let client: BoxPod;

  before(async () => {
    await buildPrograms([go]);
    box = await BoxCluster.open(2);
    await box.namespace("shop");
    echo = await box.service("shop", "echo");
    for (let index = 0; index < PODS; index++) {
      const pod = await box.pod("shop", `echo-${index}`, { node: index % 2 });
      await pod.serve(echo.port);
      await echo.add(pod);
    }
    client = await box.pod("shop", "client");
  });
  after(() => box?.[Symbol.asyncDispose]());

  for (const family of ["IPv4", "IPv6"] as const) {
    it(`carries a client's one connection over ${family} to one endpoint, which gets all its calls`, async () => {
      const counts = await spreadOf(
        client,
        go,
        family === "IPv4" ? echo.target : echo.target6,
        echo.authority,
      );
      assert.equal(Object.keys(counts).length, 1, JSON.stringify(counts));
    });
  }

  it("refuses connections to a Service without endpoints", async () => {
    const empty = await box.service("shop", "empty");
    await assert.rejects(spreadOf(client, go, empty.target, empty.authority), /refused|reset/i);
  });
});
