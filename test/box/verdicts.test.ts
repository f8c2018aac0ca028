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
const MODES = ["off", "transparent", "address", "proxy-env"] as const;
type Mode = (typeof MODES)[number];
/** A mode, and for those that dial the Service itself the family of its address. */
type Way = Mode | "off over IPv6" | "transparent over IPv6";
const WAYS: readonly Way[] = [...MODES, "off over IPv6", "transparent over IPv6"];
const ALLOWED = Object.fromEntries(WAYS.map((way) => [way, "allowed"]));
const modeOf = (way: Way): Mode => way.split(" ")[0] as Mode;

/** Who calls: whom the endpoints let in, and whom no policy lets out. */
const ROLES: Readonly<
  Record<string, { readonly labels: Readonly<Record<string, string>>; readonly by: RegExp }>
> = {
  friend: { labels: { role: "friend" }, by: /^$/ },
  stranger: { labels: { role: "stranger" }, by: /shop\/friends-only/ },
  bound: { labels: { role: "friend", out: "none" }, by: /shop\/nowhere/ },
};

describe("whoever a NetworkPolicy keeps from a Service", boxSuite(), () => {
  let shop: BoxShop;
  /** By role, mode and node. */
  const pods = new Map<string, BoxPod>();

  before(async () => {
    shop = await BoxShop.open({ nodes: 2 });
    const wished = [0, 1].flatMap((node) => [
      ...Object.entries(ROLES).flatMap(([role, { labels }]) =>
        MODES.map((mode) => addPod(role, labels, mode, node)),
      ),
      // Of three endpoints it may go to one.
      addPod("narrow", { role: "friend", out: "first" }, "transparent", node),
    ]);
    await Promise.all(wished);
    for (const [name, pod] of pods)
      if (name.includes("transparent")) await captured(shop.box.nodes[Number(name.at(-1))]!, pod);
    await isolate();
  });
  after(() => shop?.[Symbol.asyncDispose]());

  async function addPod(
    role: string,
    labels: Readonly<Record<string, string>>,
    mode: Mode,
    node: number,
  ): Promise<void> {
    const name = `${role}-${mode}-${node}`;
    pods.set(name, await shop.box.pod("shop", name, { node, labels, annotations: { mode } }));
  }

  async function policy(name: string, labels: Readonly<Record<string, string>>, spec: object): Promise<void> {
    await shop.box.writer.apply({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name, namespace: "shop" },
      spec: { podSelector: { matchLabels: labels }, ...spec },
    });
  }

  /** Writes the policies, and does with them what a network plugin does. */
  async function isolate(): Promise<void> {
    const [first] = shop.backends;
    const peers = [
      { podSelector: { matchLabels: { role: "friend" } } },
      ...NODES.map((cidr) => ({ ipBlock: { cidr } })),
    ];
    const ports = [{ protocol: "TCP", port: shop.echo.port }];
    const toFirst = first!.addresses.map((address) => ({
      ipBlock: { cidr: `${address}/${address.includes(":") ? 128 : 32}` },
    }));
    await policy(
      "friends-only",
      { app: "echo" },
      { policyTypes: ["Ingress"], ingress: [{ from: peers, ports }] },
    );
    await policy("nowhere", { out: "none" }, { policyTypes: ["Egress"] });
    await policy(
      "first-only",
      { out: "first" },
      { policyTypes: ["Egress"], egress: [{ to: toFirst, ports }] },
    );
    const named = (role: string): BoxPod[] =>
      [...pods.values()].filter(({ name }) => name.startsWith(`${role}-`));
    const from = [
      ...["friend", "bound", "narrow"].flatMap(named).flatMap(({ addresses }) => addresses),
      ...NODES,
    ];
    const table = isolationTable([
      ...shop.backends.map(({ addresses }) => ({ addresses, from })),
      ...named("bound").map(({ addresses }) => ({ addresses, to: [] })),
      ...named("narrow").map(({ addresses }) => ({ addresses, to: first!.addresses })),
    ]);
    for (const node of shop.box.network.nodes) node.namespace.nft(table);
  }

  /** Calls as a Pod of the mode does. */
  function call(name: string, way: Way): Promise<Readonly<Record<string, number>>> {
    const { target, target6, authority } = shop.echo;
    const pod = pods.get(name)!;
    if (way === "address") return spreadOf(pod, go, DOOR, authority);
    if (way !== "proxy-env") return spreadOf(pod, go, way.endsWith("IPv6") ? target6 : target, authority);
    return spreadOf(pod, go, authority, authority, { HTTPS_PROXY: `http://${DOOR}` });
  }

  function verdict(role: string, way: Way, node: number): Promise<string> {
    return call(`${role}-${modeOf(way)}-${node}`, way).then(
      () => "allowed",
      (error: Error) => `denied: ${error.message}`,
    );
  }

  for (const node of [0, 1]) {
    for (const role of ["stranger", "bound"])
      it(`as ${role === "bound" ? "one that may go nowhere" : "a stranger"}, reaches it in no mode, from node ${node + 1}`, async () => {
        // The policy is in the control plane within moments.
        await until("the proxy has heard of the policy", async () =>
          (await verdict(role, "transparent", node)).startsWith("denied"),
        );
        const verdicts = await Promise.all(WAYS.map((way) => verdict(role, way, node)));
        for (const [index, way] of WAYS.entries()) {
          assert.match(verdicts[index]!, /^denied/, way);
          if (modeOf(way) === "transparent") assert.match(verdicts[index]!, ROLES[role]!.by, way);
        }
      });

    it(`does not keep others from it, from node ${node + 1}`, async () => {
      const verdicts = await Promise.all(WAYS.map((way) => verdict("friend", way, node)));
      assert.deepEqual(Object.fromEntries(WAYS.map((way, index) => [way, verdicts[index]])), ALLOWED);
    });

    it(`is led to the endpoint that it may reach, from node ${node + 1}`, async () => {
      const name = `narrow-transparent-${node}`;
      await until("the proxy has heard of the policy", async () =>
        call(name, "transparent").then(
          (counts) => Object.keys(counts).length === 1,
          () => false,
        ),
      );
      for (const way of ["transparent", "transparent over IPv6"] as const)
        assert.deepEqual(await call(name, way), { [shop.backends[0]!.name]: 300 }, way);
    });
  }
});
