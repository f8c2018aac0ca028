import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { go } from "../clients/harness/go.ts";
import { until } from "../e2e/harness/until.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { BoxShop, captured, DOOR } from "./harness/box-shop.ts";
import { isolationTable } from "./harness/isolation-table.ts";
import { boxSuite } from "./harness/missing-for-box.ts";
import { spreadOf } from "./harness/spread-of.ts";

/** Networks of the nodes: with them the policy lets proxies in, as the docs ask for. */
const NODES = ["172.30.88.0/24", "fd00:30::/64"];

describe("whoever a NetworkPolicy keeps from a Service", boxSuite(), () => {
  let shop: BoxShop;
  /** By mode and whether the policy lets them in. */
  const pods = new Map<string, BoxPod>();

  before(async () => {
    shop = await BoxShop.open({ nodes: 2 });
    for (const node of [0, 1])
      for (const role of ["friend", "stranger"])
        for (const mode of ["off", "transparent", "address"]) {
          const name = `${role}-${mode}-${node}`;
          pods.set(name, await shop.box.pod("shop", name, { node, labels: { role }, annotations: { mode } }));
        }
    for (const [name, pod] of pods)
      if (name.includes("transparent")) await captured(shop.box.nodes[Number(name.at(-1))]!, pod);
    await isolate();
  });
  after(() => shop?.[Symbol.asyncDispose]());

  /** Writes the policy, and does with it what a network plugin does. */
  async function isolate(): Promise<void> {
    const peers = [
      { podSelector: { matchLabels: { role: "friend" } } },
      ...NODES.map((cidr) => ({ ipBlock: { cidr } })),
    ];
    await shop.box.writer.apply({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "friends-only", namespace: "shop" },
      spec: {
        podSelector: { matchLabels: { app: "echo" } },
        policyTypes: ["Ingress"],
        ingress: [{ from: peers, ports: [{ protocol: "TCP", port: shop.echo.port }] }],
      },
    });
    const friends = [...pods.values()].filter(({ name }) => name.startsWith("friend"));
    const from = [...friends.flatMap(({ addresses }) => addresses), ...NODES];
    const table = isolationTable(shop.backends.map(({ addresses }) => ({ addresses, from })));
    for (const node of shop.box.network.nodes) node.namespace.nft(table);
  }

  async function verdict(name: string, target: string): Promise<string> {
    return spreadOf(pods.get(name)!, go, target, shop.echo.authority).then(
      () => "allowed",
      (error: Error) => `denied: ${error.message}`,
    );
  }

  for (const node of [0, 1]) {
    it(`reaches it in no mode, from node ${node + 1}`, async () => {
      assert.match(await verdict(`stranger-off-${node}`, shop.echo.target), /^denied/);
      // The policy is in the control plane within moments.
      await until("the proxy has heard of the policy", async () =>
        (await verdict(`stranger-transparent-${node}`, shop.echo.target)).startsWith("denied"),
      );
      const text = await verdict(`stranger-transparent-${node}`, shop.echo.target);
      assert.match(text, /shop\/friends-only/);
      assert.match(await verdict(`stranger-address-${node}`, DOOR), /^denied/);
    });

    it(`does not keep others from it, from node ${node + 1}`, async () => {
      for (const mode of ["off", "transparent"])
        assert.equal(await verdict(`friend-${mode}-${node}`, shop.echo.target), "allowed", mode);
      assert.equal(await verdict(`friend-address-${node}`, DOOR), "allowed");
    });
  }
});
