import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { KubernetesSource } from "../../../src/controller/kubernetes-source.ts";
import type { ServiceModel } from "../../../src/resource/service.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { ApiServer } from "../harness/api-server.ts";
import { missingKubelab, OTHERS_CRDS, OWN_CRDS } from "../harness/build-kubelab.ts";
import type { Manifest } from "../harness/kube-writer.ts";
import { NETWORK_POLICY_CRD } from "../harness/network-policy-crd.ts";

const LIMIT_MS = 30_000;
const missing = missingKubelab();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;

/** What a source gives, as it is now. */
class Taken {
  readonly services = new Map<string, ServiceModel>();
  readonly source: KubernetesSource;
  readonly log: string[] = [];
  isSynced = false;

  constructor(kubeConfig: string) {
    const stream = { write: (line: string) => void this.log.push(line) };
    this.source = new KubernetesSource({ kubeConfig: { file: kubeConfig }, log: createLog({ stream }) });
  }

  async start(): Promise<this> {
    await this.source.start({
      upsert: (service) => void this.services.set(service.name, service),
      remove: (name) => void this.services.delete(name),
      synced: () => {
        this.isSynced = true;
      },
    });
    return this;
  }

  addresses(name: string): string[] {
    return (this.services.get(name)?.cluster.endpoints ?? []).map(({ address }) => address).sort();
  }
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < untilMs, `${what}: not within ${LIMIT_MS} ms`);
    await sleep(10);
  }
}

function service(name: string, more: object = {}): Manifest {
  const ports = [{ name: "grpc", port: 50051, protocol: "TCP" }];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "shop" },
    spec: { ports, clusterIPs: ["10.96.0.9"] },
    ...more,
  };
}

function slice(name: string, of: string, addresses: readonly string[], more: object = {}): Manifest {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: "shop", labels: { "kubernetes.io/service-name": of } },
    addressType: "IPv4",
    ports: [{ name: "grpc", port: 8080, protocol: "TCP" }],
    endpoints: addresses.map((address) => ({
      addresses: [address],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: {
        kind: "Pod",
        namespace: "shop",
        name: `pod-${address.replaceAll(".", "-")}`,
        uid: `uid-${address}`,
      },
      ...more,
    })),
  };
}

function policy(name: string, spec: object): Manifest {
  return {
    apiVersion: "isobar.dev/v1alpha1",
    kind: "TrafficPolicy",
    metadata: { name, namespace: "shop" },
    spec: { targetRefs: [{ name: "echo" }], ...spec },
  };
}

describe("against a real API server", { skip }, () => {
  let server: ApiServer;
  let taken: Taken;

  before(async () => {
    server = await ApiServer.start();
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };
    await server.writer.apply(namespace);
    await server.writer.apply(service("echo"));
    await server.writer.apply(slice("echo-1", "echo", ["10.0.0.1", "10.0.0.2"]));
    taken = await new Taken(server.kubeConfig).start();
  });

  after(async () => {
    await taken?.source.close();
    await server?.close();
  });

  it("everything there is is given before it is called synced", async () => {
    await until("synced", () => taken.isSynced);
    assert.deepEqual(taken.addresses("echo.shop:50051"), ["10.0.0.1", "10.0.0.2"]);
    assert.equal(
      taken.services.get("echo.shop:50051")?.cluster.endpoints[0]?.key.split("|")[1],
      "uid-10.0.0.1",
    );
  });

  it("changes come within a second: scaled, deleted, made again", async () => {
    const startedMs = performance.now();
    await server.writer.apply(slice("echo-1", "echo", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]));
    await until("scaled", () => taken.addresses("echo.shop:50051").length === 3);
    assert.ok(performance.now() - startedMs < 5_000);
    assert.equal(taken.services.get("echo.shop:50051")?.cause?.fieldManager, "test");
    await server.writer.delete(service("echo"));
    await until("gone", () => !taken.services.has("echo.shop:50051"));
    await server.writer.apply(service("echo"));
    await until("back", () => taken.addresses("echo.shop:50051").length === 3);
  });

  it("kinds that are installed later are found, and a bad policy is named in its status and an Event", async () => {
    for (const file of readdirSync(OWN_CRDS).filter((name) => name.startsWith("isobar.dev_")))
      await server.install(join(OWN_CRDS, file));
    await server.install(join(OTHERS_CRDS, "gateway.networking.k8s.io_grpcroutes.yaml"));
    const good = policy("p", { timeouts: { request: "2s" } });
    await server.writer.apply(good);
    const requestMs = () => taken.services.get("echo.shop:50051")?.cluster.settings.timeouts.requestMs;
    await until("the policy is in force", () => requestMs() === 2_000);
    const status = async () => {
      const { status: found } = await server.writer.get(good);
      return (found as { conditions?: { status: string; reason: string; message: string }[] } | undefined)
        ?.conditions?.[0];
    };
    await until("it says so", async () => (await status())?.reason === "Accepted");
    const bad = { lowLoadRatio: 2, highLoadRatio: 1 };
    await server.writer.apply(policy("p", { timeouts: { request: "2s" }, loadBalancer: { locality: bad } }));
    await until("it says what is wrong", async () => (await status())?.status === "False");
    assert.match((await status())?.message ?? "", /spec\.loadBalancer\.locality\.lowLoadRatio: found 2/);
    assert.equal(requestMs(), 2_000);
    await until("an Event", async () => (await server.writer.list("v1", "events", "shop")).length > 0);
    const [event] = await server.writer.list("v1", "events", "shop");
    assert.equal((event as { readonly reason?: unknown } | undefined)?.reason, "InvalidPolicy");
    await assert.rejects(
      server.writer.apply(policy("q", { loadBalancer: { policy: "fastest" } })),
      /spec\.loadBalancer\.policy.*Unsupported value/,
    );
  });

  it("a GRPCRoute is in force and told so, beside what others say of it", async () => {
    const backendRefs = [{ name: "echo", port: 50051, weight: 1 }];
    const parentRefs = [{ group: "", kind: "Service", name: "echo" }];
    const route = {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "GRPCRoute",
      metadata: { name: "r", namespace: "shop" },
      spec: { parentRefs, rules: [{ matches: [{ method: { service: "a.B" } }], backendRefs }] },
    };
    await server.writer.apply(route);
    await until("routed", () => (taken.services.get("echo.shop:50051")?.routes.length ?? 0) > 0);
    const parents = async () => {
      const { status } = await server.writer.get(route);
      return (
        (status as { parents?: { controllerName: string; conditions: { type: string; status: string }[] }[] })
          ?.parents ?? []
      );
    };
    await until("status", async () => (await parents()).length === 1);
    const [parent] = await parents();
    assert.equal(parent?.controllerName, "isobar.dev/control-plane");
    assert.deepEqual(parent?.conditions.map(({ type, status }) => `${type} ${status}`).sort(), [
      "Accepted True",
      "ResolvedRefs True",
    ]);
    await server.writer.delete(route);
    await until("gone", () => taken.services.get("echo.shop:50051")?.routes.length === 0);
  });

  it("NetworkPolicies are known as soon as there are any to be known", async () => {
    const { networkPolicies } = taken.source.objects!;
    assert.equal(networkPolicies.size, 0);
    assert.equal(
      taken.source.stats().reflectors.find(({ kind }) => kind === "NetworkPolicy")?.isAbsent,
      true,
    );
    await server.writer.install(NETWORK_POLICY_CRD);
    await server.writer.apply({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "db", namespace: "shop" },
      spec: {
        podSelector: { matchLabels: { app: "db" } },
        ingress: [
          {
            from: [{ podSelector: { matchLabels: { app: "echo" } } }, { ipBlock: { cidr: "10.0.0.0/8" } }],
            ports: [{ port: 5432 }],
          },
        ],
      },
    });
    await until("known", () => networkPolicies.size === 1);
    const { podSelector, ingress, egress } = networkPolicies.get("shop/db")!;
    assert.deepEqual({ ...podSelector.matchLabels }, { app: "db" });
    assert.equal(egress, undefined);
    assert.deepEqual(ingress?.[0]?.ports, [{ protocol: "TCP", port: 5432, endPort: undefined }]);
    assert.deepEqual(
      ingress[0].peers.map(
        ({ ipBlock, podSelector: pods }) => ipBlock?.cidr ?? Object.values(pods?.matchLabels ?? {})[0],
      ),
      ["echo", "10.0.0.0/8"],
    );
  });

  it("the API server killed: what is known stays, and what was missed is taken up afterwards", async () => {
    await server.killServer();
    await sleep(500);
    assert.equal(taken.addresses("echo.shop:50051").length, 3);
    await server.startServer();
    await server.writer.apply(slice("echo-1", "echo", ["10.0.0.7"]));
    await until("taken up", () => taken.addresses("echo.shop:50051").join() === "10.0.0.7");
  });

  it("versions compacted away meanwhile: a new list tells what is gone", async () => {
    await server.killServer();
    await server.compact();
    await server.startServer();
    await server.writer.delete(slice("echo-1", "echo", []));
    await server.writer.apply(slice("echo-2", "echo", ["10.0.0.8"]));
    await server.compact();
    await until("taken up", () => taken.addresses("echo.shop:50051").join() === "10.0.0.8");
  });

  it("etcd stalled: nothing is forgotten, and afterwards it goes on", async () => {
    server.stallEtcd(true);
    let written: Promise<unknown>;
    try {
      // A signal takes its time to reach all threads.
      await sleep(500);
      written = server.writer.apply(slice("echo-2", "echo", ["10.0.0.9"]));
      await sleep(2_000);
      assert.deepEqual(taken.addresses("echo.shop:50051"), ["10.0.0.8"]);
    } finally {
      server.stallEtcd(false);
    }
    await written;
    await until("goes on", () => taken.addresses("echo.shop:50051").join() === "10.0.0.9");
  });

  it("two replicas believe the same", async () => {
    // What stays in force of a bad policy only those know that have seen it good.
    await server.writer.apply(policy("p", { timeouts: { request: "3s" } }));
    const requestMs = () => taken.services.get("echo.shop:50051")?.cluster.settings.timeouts.requestMs;
    await until("mended", () => requestMs() === 3_000);
    const other = await new Taken(server.kubeConfig).start();
    try {
      await until("synced", () => other.isSynced);
      const plain = (each: Taken) =>
        [...each.services.values()]
          .map(({ cause: _, ...rest }) => rest)
          .sort((a, b) => (a.name < b.name ? -1 : 1));
      assert.deepEqual(plain(other), plain(taken));
    } finally {
      await other.source.close();
    }
  });
});
