import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { go } from "../clients/harness/go.ts";
import { java } from "../clients/harness/java.ts";
import type { Language } from "../clients/harness/language.ts";
import { python } from "../clients/harness/python.ts";
import { rust } from "../clients/harness/rust.ts";
import { until } from "../e2e/harness/until.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { BoxShop, captured, DOOR } from "./harness/box-shop.ts";
import { boxSuite, buildPrograms } from "./harness/missing-for-box.ts";
import { spreadOf } from "./harness/spread-of.ts";

const LANGUAGES: readonly Language[] = [go, java, python, rust];
/** Of 300 calls over 3 endpoints; four at a time go wherever there are fewest. */
const FEWEST = 60;

function assertEven(counts: Readonly<Record<string, number>>): void {
  assert.equal(Object.keys(counts).length, 3, JSON.stringify(counts));
  assert.ok(Math.min(...Object.values(counts)) >= FEWEST, JSON.stringify(counts));
}

describe("an opted-in Pod's calls are spread over all endpoints", boxSuite(LANGUAGES), () => {
  let shop: BoxShop;
  const pods = new Map<string, BoxPod>();

  before(async () => {
    await buildPrograms(LANGUAGES);
    shop = await BoxShop.open({ nodes: 2 });
    for (const mode of ["transparent", "address", "proxy-env", "off"]) {
      pods.set(mode, await shop.box.pod("shop", `client-${mode}`, { annotations: { mode } }));
    }
    await captured(shop.box.nodes[0]!, pods.get("transparent")!);
  });
  after(() => shop?.[Symbol.asyncDispose]());

  for (const language of LANGUAGES) {
    it(`in mode transparent, by a ClusterIP, with ${language.name}`, async () => {
      const { target, authority } = shop.echo;
      assertEven(await spreadOf(pods.get("transparent")!, language, target, authority));
    });

    it(`in mode address, by the node's stable address, with ${language.name}`, async () => {
      assertEven(await spreadOf(pods.get("address")!, language, DOOR, shop.echo.authority));
    });
  }

  it("in mode transparent, by an IPv6 ClusterIP", async () => {
    assertEven(await spreadOf(pods.get("transparent")!, go, shop.echo.target6, shop.echo.authority));
  });

  it("in mode transparent, whatever name the client gives", async () => {
    for (const authority of ["nobody.elsewhere:1", shop.echo.target, "other.shop.svc.cluster.local:50051"])
      assertEven(await spreadOf(pods.get("transparent")!, go, shop.echo.target, authority));
  });

  it("in mode address, by a short name", async () => {
    for (const authority of ["echo:50051", "echo.shop:50051"])
      assertEven(await spreadOf(pods.get("address")!, go, DOOR, authority));
  });

  it("in mode proxy-env, by a name that nobody resolves", async () => {
    const proxy = `http://${DOOR}`;
    const target = "echo.shop.svc.cluster.local:50051";
    const pod = pods.get("proxy-env")!;
    assertEven(await spreadOf(pod, go, target, target, { HTTPS_PROXY: proxy }));
    assertEven(await spreadOf(pod, go, "echo:50051", "echo:50051", { HTTPS_PROXY: proxy }));
    assertEven(await spreadOf(pod, python, target, target, { grpc_proxy: proxy }));
    const [host, port] = DOOR.split(":");
    const options = { JAVA_TOOL_OPTIONS: `-Dhttps.proxyHost=${host} -Dhttps.proxyPort=${port}` };
    assertEven(await spreadOf(pod, java, target, target, options));
  });

  it("and those of a Pod that is off are kube-proxy's, whose connections go to one endpoint each", async () => {
    const counts = await spreadOf(pods.get("off")!, go, shop.echo.target, shop.echo.authority);
    assert.equal(Object.keys(counts).length, 1, JSON.stringify(counts));
  });

  it("by a Pod of proxy and capture that takes 150 MiB at most when it is idle again", async (context) => {
    const { proxy, capture } = shop.box.nodes[0]!;
    const parts = () => [proxy.program.memory, capture.memory];
    const mib = (): number =>
      parts().reduce((sum, { ownMib }) => sum + ownMib, 0) +
      Math.max(...parts().map(({ filesMib }) => filesMib));
    // What requests have left is given back when there is nothing to do.
    await until("it takes no more", () => mib() <= 150, parts, 60_000);
    context.diagnostic(`${Math.round(mib())} MiB: ${JSON.stringify(parts())}`);
  });
});
