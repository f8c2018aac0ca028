import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Change } from "../../../src/audit/list-changes.ts";
import { EventHeads } from "../../../src/control-plane/audit/event-heads.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { AuditedControlPlane, auditAt, isobar } from "../../audit/live/audit-program.ts";
import { ApiServer } from "../harness/api-server.ts";
import { missingKubelab, OTHERS_CRDS, OWN_CRDS } from "../harness/build-kubelab.ts";
import type { Manifest } from "../harness/kube-writer.ts";

const LIMIT_MS = 30_000;
const missing = missingKubelab();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;

const SERVICE: Manifest = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "echo", namespace: "shop" },
  spec: { ports: [{ name: "grpc", port: 50051, protocol: "TCP" }], clusterIPs: ["10.96.0.9"] },
};

function slice(...addresses: readonly string[]): Manifest {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "echo-1", namespace: "shop", labels: { "kubernetes.io/service-name": "echo" } },
    addressType: "IPv4",
    ports: [{ name: "grpc", port: 8080, protocol: "TCP" }],
    endpoints: addresses.map((address) => ({
      addresses: [address],
      conditions: { ready: true, serving: true },
    })),
  };
}

function policy(spec: object): Manifest {
  return {
    apiVersion: "isobar.dev/v1alpha1",
    kind: "TrafficPolicy",
    metadata: { name: "echo", namespace: "shop" },
    spec: { targetRefs: [{ name: "echo" }], ...spec },
  };
}

interface Spec {
  readonly timeouts?: { readonly request: string };
  readonly maxPendingStreams?: number;
}

describe("the audit of a control plane on Kubernetes", { skip }, () => {
  let folder: string;
  let server: ApiServer;
  let controlPlane: AuditedControlPlane;

  async function changes(...args: readonly string[]): Promise<Change[]> {
    const flags = ["--dir", join(folder, "audit"), "-o", "json"];
    const { code, stdout, stderr } = await isobar("audit", "log", ...flags, ...args);
    if (code !== 0) throw new Error(stderr);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Change);
  }

  async function eventually<T>(what: string, find: () => Promise<T | undefined>): Promise<T> {
    const untilMs = performance.now() + LIMIT_MS;
    for (;;) {
      const found = await find();
      if (found !== undefined) return found;
      if (performance.now() > untilMs)
        assert.fail(
          `${what}: not within ${LIMIT_MS} ms; changes: ${JSON.stringify(await changes("--service", "shop/echo"))}`,
        );
      await sleep(100);
    }
  }

  function rollback(...args: readonly string[]) {
    const flags = ["--dir", join(folder, "audit"), "--kubeconfig", server.kubeConfig];
    return isobar("rollback", "trafficpolicy", ...args, ...flags);
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "isobar-audit-kube-"));
    server = await ApiServer.start();
    for (const file of readdirSync(OWN_CRDS).filter((name) => name.startsWith("isobar.dev_")))
      await server.install(join(OWN_CRDS, file));
    await server.install(join(OTHERS_CRDS, "gateway.networking.k8s.io_grpcroutes.yaml"));
    await server.writer.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    await server.writer.apply(SERVICE);
    await server.writer.apply(slice("10.0.0.1"));
    await server.writer.apply(policy({ timeouts: { request: "1s" } }));
    controlPlane = await AuditedControlPlane.start(folder, ["--kubeconfig", server.kubeConfig]);
  });

  after(async () => {
    await controlPlane?.stop();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("names the object, its version, the verb and who wrote it", async () => {
    const stored = await server.writer.apply(slice("10.0.0.1", "10.0.0.2"));
    const changed = await eventually("a record of the slice", async () =>
      (await changes("--service", "shop/echo")).findLast(({ kind }) => kind === "changed"),
    );
    assert.deepEqual(changed.cause, {
      object: "EndpointSlice shop/echo-1",
      resourceVersion: stored.metadata.resourceVersion,
      verb: "MODIFIED",
      fieldManager: "test",
    });
    assert.deepEqual(Object.keys(changed.diff?.set ?? {}), ["/endpoints/10.0.0.2|8080|h2c"]);
    await server.writer.delete(slice());
    const gone = await eventually("a record of the slice's end", async () =>
      (await changes("--service", "shop/echo")).findLast(({ cause }) => cause?.verb === "DELETED"),
    );
    assert.equal(gone.cause?.object, "EndpointSlice shop/echo-1");
    await server.writer.apply(slice("10.0.0.1"));
    await eventually("the service as it was", async () => {
      const { services } = await auditAt(folder, "now", "--service", "shop/echo");
      return Object.keys(services[0]?.known?.state.endpoints ?? {}).length === 1 ? true : undefined;
    });
  });

  it("rolls a policy back to a version, says what would change before, and is itself audited", async () => {
    const [first] = await eventually("the policy", async () => {
      const found = await changes("--policy", "shop/echo");
      return found.length > 0 ? found : undefined;
    });
    await server.writer.apply(policy({ timeouts: { request: "9s" }, maxPendingStreams: 7 }));
    await eventually("its change", async () =>
      (await changes("--policy", "shop/echo")).length === 2 ? true : undefined,
    );
    const dry = await rollback("shop/echo", "--to", `${first!.record}`, "--dry-run");
    assert.equal(dry.code, 0, dry.stderr);
    assert.match(
      dry.stdout,
      /trafficpolicy shop\/echo would be rolled back to record \d+ of .*\n {2}- maxPendingStreams 7\n {2}~ timeouts\.request "9s" -> "1s"/,
    );
    assert.equal((await specNow()).maxPendingStreams, 7, "nothing was written");

    const done = await rollback("shop/echo", "--to", `${first!.record}`);
    assert.equal(done.code, 0, done.stderr);
    assert.equal((await specNow()).maxPendingStreams, undefined, "what was added since is gone too");
    const change = await eventually(
      "the rollback in the audit",
      async () => (await changes("--policy", "shop/echo"))[2],
    );
    assert.equal(change.cause?.fieldManager, "isobar-rollback");
    const service = await eventually("what became of the service", async () =>
      (await changes("--service", "shop/echo")).findLast(
        ({ cause }) => cause?.fieldManager === "isobar-rollback",
      ),
    );
    assert.equal(service.cause?.object, "TrafficPolicy shop/echo");
    const again = await rollback("shop/echo", "--to", `${first!.record}`);
    assert.match(again.stdout, /is as it was in record \d+ of .* already/);
  });

  it("makes a deleted policy again, and refuses what never was", async () => {
    const time = new Date().toISOString();
    await sleep(5);
    await server.writer.delete(policy({}));
    const removed = await eventually("its end", async () =>
      (await changes("--policy", "shop/echo")).find(({ kind }) => kind === "removed"),
    );
    const gone = await rollback("shop/echo", "--to", `${removed.record}`);
    assert.deepEqual([gone.code, gone.stdout], [64, ""]);
    assert.match(
      gone.stderr,
      /had been deleted by then; to delete it: kubectl delete trafficpolicy -n shop echo/,
    );
    const made = await rollback("shop/echo", "--to", time);
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /made again/);
    assert.equal((await specNow()).timeouts?.request, "1s");
    for (const [args, message] of [
      [["shop/none", "--to", time], /there was no TrafficPolicy shop\/none at/],
      [["shop/echo", "--to", "999999"], /record 999999 is no version of TrafficPolicy shop\/echo/],
      [
        ["shop/echo", "--to", "yesterday"],
        /--to: found "yesterday", wanted the number of a record or a time/,
      ],
      [["echo", "--to", "now"], /wanted the policy as namespace\/name/],
    ] as const) {
      const { code, stderr } = await rollback(...args);
      assert.equal(code, 64, stderr);
      assert.match(stderr, message);
    }
  });

  it("rolls annotations of a Service back, and takes away what was added since and is ours", async () => {
    const object = ["--object", "service/shop/echo"];
    const annotate = (annotations: Readonly<Record<string, string>>) =>
      server.writer.apply({ ...SERVICE, metadata: { ...SERVICE.metadata, annotations } });
    const annotations = async () => (await server.writer.get(SERVICE)).metadata.annotations;
    const versions = (count: number) =>
      eventually(`${count} versions`, async () => {
        const found = await changes(...object);
        return found.length === count ? found : undefined;
      });
    await annotate({ "isobar.dev/policy": "round_robin", "example.org/other": "1" });
    const [none, first] = await versions(2);
    await annotate({ "isobar.dev/policy": "maglev", "isobar.dev/timeout": "5s", "example.org/other": "2" });
    const third = (await versions(3))[2]!;
    assert.deepEqual([third.subject, third.cause?.verb], ["Service shop/echo", "MODIFIED"]);

    const back = (to: number) =>
      isobar(
        ...["rollback", "service", "shop/echo", "--to", `${to}`],
        ...["--dir", join(folder, "audit"), "--kubeconfig", server.kubeConfig],
      );
    const done = await back(first!.record);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /service shop\/echo rolled back to record \d+/);
    assert.deepEqual(await annotations(), { "isobar.dev/policy": "round_robin", "example.org/other": "2" });
    const fourth = (await versions(4))[3]!;
    assert.equal(fourth.cause?.fieldManager, "isobar-rollback");
    assert.equal((await back(none!.record)).code, 0);
    assert.deepEqual(await annotations(), { "example.org/other": "2" }, "as it was before the first");
    const never = await isobar("audit", "log", "--dir", join(folder, "audit"), "--object", "pod/shop/echo");
    assert.equal(never.code, 64);
    assert.match(never.stderr, /--object: found "pod\/shop\/echo", wanted kind\/namespace\/name/);
  });

  it("rolls a GRPCRoute back, and leaves the rest of it alone", async () => {
    const route = (weight: number) => ({
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "GRPCRoute",
      metadata: { namespace: "shop", name: "canary" },
      spec: {
        hostnames: ["echo.example.org"],
        parentRefs: [{ group: "", kind: "Service", name: "echo" }],
        rules: [{ backendRefs: [{ name: "echo", port: 80, weight }] }],
      },
    });
    await server.writer.apply(route(90));
    const [first] = await eventually("the route", async () => {
      const found = await changes("--object", "grpcroute/shop/canary");
      return found.length === 1 ? found : undefined;
    });
    await server.writer.apply(route(10));
    await eventually("its change", async () =>
      (await changes("--object", "grpcroute/shop/canary")).length === 2 ? true : undefined,
    );
    const done = await isobar(
      ...["rollback", "grpcroute", "shop/canary", "--to", `${first!.record}`],
      ...["--dir", join(folder, "audit"), "--kubeconfig", server.kubeConfig],
    );
    assert.equal(done.code, 0, done.stderr);
    const { spec } = (await server.writer.get(route(0))) as unknown as {
      readonly spec: ReturnType<typeof route>["spec"];
    };
    assert.equal(spec.rules[0]!.backendRefs[0]!.weight, 90);
    assert.deepEqual(spec.hostnames, ["echo.example.org"]);
  });

  it("publishes its head where rewritten files cannot reach", async () => {
    const head = JSON.parse(
      (await isobar("audit", "head", "--dir", join(folder, "audit"), "-o", "json")).stdout,
    ) as {
      readonly record: number;
      readonly hash: string;
    };
    const heads = new EventHeads(
      { file: server.kubeConfig, context: undefined },
      createLog({ level: "silent" }),
    );
    heads.publish({ n: head.record, hash: head.hash }, "replica-1");
    const event = await eventually("an Event", async () => {
      const events = (await server.writer.list("v1", "events", "default")) as unknown as readonly {
        readonly reason: string;
        readonly message: string;
      }[];
      return events.find(({ reason }) => reason === "AuditHead");
    });
    await heads.close();
    assert.equal(event.message, `replica-1: record ${head.record} has the hash ${head.hash}`);
    const { code, stdout } = await isobar(
      "audit",
      "verify",
      "--dir",
      join(folder, "audit"),
      "--head",
      head.hash,
    );
    assert.deepEqual([code, stdout.includes(`is record ${head.record}`)], [0, true], stdout);
  });

  async function specNow(): Promise<Spec> {
    const { spec } = (await server.writer.get(policy({}))) as unknown as { readonly spec: Spec };
    return spec;
  }
});
