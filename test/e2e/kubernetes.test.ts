import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "../clients/harness/build.ts";
import { go } from "../clients/harness/go.ts";
import { java } from "../clients/harness/java.ts";
import type { Language } from "../clients/harness/language.ts";
import { node } from "../clients/harness/node.ts";
import { python } from "../clients/harness/python.ts";
import { installEnvoy } from "../interop/envoy/install-envoy.ts";
import { EnvoyProcess } from "../interop/xds/envoy-process.ts";
import { IsobarProcess } from "../interop/xds/isobar-process.ts";
import { OWN_CRDS } from "../kube/harness/build-kubelab.ts";
import type { Manifest } from "../kube/harness/kube-writer.ts";
import type { LoadReport } from "./harness/caller.ts";
import { Caller } from "./harness/caller.ts";
import { ControlPlaneProcess } from "./harness/control-plane-process.ts";
import { E2eCluster, IS_GIVEN, missingCluster } from "./harness/e2e-cluster.ts";
import { Pod } from "./harness/pod.ts";
import { ServiceFront } from "./harness/service-front.ts";
import { until } from "./harness/until.ts";
import { Views } from "./harness/views.ts";

const { CI = "" } = process.env;
/** The first to need a program waits for its build. */
const LIMIT = { timeout: 30 * 60_000 };
const PORT = 50_051;
/** Proxies and proxyless clients, in the order of their start. */
const PROXYLESS = [
  ["go", go],
  ["python", python],
  ["java", java],
  ["node", node],
] as const;

const envoy = installEnvoy();
const toolchains = PROXYLESS.map(([, language]) => [language, language.findToolchain()] as const);
const missing =
  missingCluster() ??
  ("missing" in envoy
    ? envoy.missing
    : toolchains.map(([, found]) => ("missing" in found ? found.missing : "")).find((each) => each !== ""));
if (missing !== undefined && CI !== "") throw new Error(missing);
/** What is done to the API server itself. */
const onlyOwn = IS_GIVEN ? "the API server is given, and is neither ended nor stalled" : false;

describe("with services of Kubernetes, every kind of client", { skip: missing ?? false, ...LIMIT }, () => {
  const folder = mkdtempSync(join(tmpdir(), "isobar-e2e-"));
  const pods: Pod[] = [];
  const callers: Caller[] = [];
  const proxies: AsyncDisposable[] = [];
  const replicas: ControlPlaneProcess[] = [];
  let authority: string;
  let bootstrapFile: string;
  let cluster: E2eCluster;
  let front: ServiceFront;
  let views: Views;
  /** Of the Pods, those that take calls. */
  let serving: Pod[] = [];
  const endedEarly: LoadReport[] = [];
  /** When the service was deleted, and when everybody called it again; milliseconds since 1970. */
  const gone = { fromMs: Number.POSITIVE_INFINITY, toMs: 0 };

  before(async () => {
    if ("missing" in envoy) throw new Error(envoy.missing);
    for (const [language, found] of toolchains)
      if ("versions" in found) await build(language, found.versions);
    cluster = await E2eCluster.open();
    for (const file of readdirSync(OWN_CRDS).filter((name) => name.startsWith("isobar.dev_")))
      await cluster.install(join(OWN_CRDS, file));
    const names = ["first", "second", "third", "fourth", "fifth", "sixth"];
    pods.push(...(await Promise.all(names.map((name) => Pod.start(name, cluster.host, folder)))));
    await cluster.writer.apply(service("echo"));
    await scaleTo(pods.slice(0, 2));

    const source = ["--kubeconfig", cluster.kubeConfig, "--log-level", "warn"];
    replicas.push(
      ...(await Promise.all([ControlPlaneProcess.start(...source), ControlPlaneProcess.start(...source)])),
    );
    front = await ServiceFront.start(replicas.map(({ port }) => port));
    authority = `echo.${cluster.namespace}:${PORT}`;
    const [isobar, whole, delta] = await Promise.all([
      IsobarProcess.start(folder, ...replicas.map(({ port }) => port)),
      EnvoyProcess.start(envoy.program, folder, front.port, "GRPC"),
      EnvoyProcess.start(envoy.program, folder, front.port, "DELTA_GRPC"),
    ]);
    proxies.push(isobar, whole, delta);
    const holders = [
      { name: "isobar", endpoints: (of: string) => isobar.endpoints(of) },
      { name: "envoy", endpoints: (of: string) => whole.endpoints(of) },
      { name: "envoy-delta", endpoints: (of: string) => delta.endpoints(of) },
    ];
    callers.push(
      new Caller("isobar", go, isobar.address, authority),
      new Caller("envoy", go, whole.address, authority),
      new Caller("envoy-delta", go, delta.address, authority),
    );
    bootstrapFile = bootstrap(folder, front.port);
    for (const [name, language] of PROXYLESS) callers.push(startProxyless(name, language));
    views = new Views(authority, holders, callers);
    views.add(...pods);
  });

  after(async () => {
    await Promise.allSettled(callers.map((each) => each.stop()));
    await Promise.allSettled(proxies.map((each) => each[Symbol.asyncDispose]()));
    front?.close();
    await Promise.allSettled([...replicas, ...pods].map((each) => each.stop()));
    await cluster?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function startProxyless(name: string, language: Language): Caller {
    return new Caller(name, language, `xds:///${authority}`, authority, {
      GRPC_XDS_BOOTSTRAP: bootstrapFile,
    });
  }

  function service(name: string, annotations: Readonly<Record<string, string>> = {}): Manifest {
    return {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: cluster.namespace, annotations },
      spec: { ports: [{ name: "grpc", port: PORT, protocol: "TCP" }] },
    };
  }

  /** Makes slices say that these serve and no other. */
  async function scaleTo(wanted: readonly Pod[]): Promise<void> {
    const { namespace, writer } = cluster;
    for (const pod of wanted) await writer.apply(pod.slice("echo", namespace));
    for (const pod of serving) if (!wanted.includes(pod)) await writer.delete(pod.slice("echo", namespace));
    serving = [...wanted];
  }

  it("call what there is", LIMIT, () => views.agreeOn(serving));

  it("follow a service that is scaled", LIMIT, async () => {
    await scaleTo(pods.slice(0, 3));
    await views.agreeOn(serving);
  });

  it(
    "follow one that is rolled: new Pods, old ones that terminate and finish what they have",
    LIMIT,
    async () => {
      const { namespace, writer } = cluster;
      const [first, second, third, fourth, fifth] = pods as [Pod, Pod, Pod, Pod, Pod];
      await scaleTo([first, second, third, fourth, fifth]);
      for (const each of [first, second]) await writer.apply(each.slice("echo", namespace, "terminating"));
      await views.agreeOn([third, fourth, fifth]);
      await Promise.all([first.finish(), second.finish()]);
      await scaleTo([third, fourth, fifth]);
      await views.agreeOn(serving);
    },
  );

  it("stay where they are while the API server is gone, and take up what was missed", {
    skip: onlyOwn,
    ...LIMIT,
  }, async () => {
    const { apiServer } = cluster;
    await apiServer!.killServer();
    await views.stayAt(serving, 1_000);
    await apiServer!.startServer();
    await scaleTo([...serving, pods[5]!]);
    await views.agreeOn(serving);
  });

  it("stay where they are while etcd is stalled", { skip: onlyOwn, ...LIMIT }, async () => {
    const apiServer = cluster.apiServer!;
    const wanted = serving.slice(0, -1);
    apiServer.stallEtcd(true);
    let written: Promise<void>;
    try {
      // A signal takes its time to reach all threads.
      await sleep(500);
      const before = serving;
      written = scaleTo(wanted);
      await views.stayAt(before, 1_500);
    } finally {
      apiServer.stallEtcd(false);
    }
    await written;
    await views.agreeOn(serving);
  });

  it("see what changed while versions were compacted away", { skip: onlyOwn, ...LIMIT }, async () => {
    const apiServer = cluster.apiServer!;
    await apiServer.killServer();
    await apiServer.compact();
    await apiServer.startServer();
    await scaleTo([...serving, pods[5]!]);
    await apiServer.compact();
    await views.agreeOn(serving);
  });

  it("go on with the other replica when one is killed", LIMIT, async () => {
    await replicas[0]!.kill();
    await scaleTo(serving.slice(1));
    await views.agreeOn(serving);
    await replicas[0]!.start();
  });

  it("are never told less when all replicas restart", LIMIT, async () => {
    await Promise.all(replicas.map((each) => each.kill()));
    await views.stayAt(serving, 500);
    // What they are told by one that has just begun is complete, or nothing.
    await Promise.all([views.stayAt(serving, 3_000), ...replicas.map((each) => each.start())]);
    await views.agreeOn(serving);
  });

  it(
    "are not touched by an annotation or a policy that is wrong, and it is told where it stands",
    LIMIT,
    async () => {
      const { namespace, writer } = cluster;
      await writer.apply(service("other", { "isobar.dev/policy": "fastest" }));
      const policy = {
        apiVersion: "isobar.dev/v1alpha1",
        kind: "TrafficPolicy",
        metadata: { name: "wrong", namespace },
        spec: {
          targetRefs: [{ name: "other" }],
          loadBalancer: { locality: { lowLoadRatio: 2, highLoadRatio: 1 } },
        },
      };
      await writer.apply(policy);
      let messages: readonly string[] = [];
      await until(
        "an Event names the annotation, a condition the policy's field",
        async () => {
          const events = await writer.list("v1", "events", namespace);
          const { status } = (await writer.get(policy)) as {
            readonly status?: { readonly conditions?: readonly { readonly message: string }[] };
          };
          messages = [
            ...events.map((each) => String((each as { readonly message?: unknown }).message)),
            ...(status?.conditions ?? []).map(({ message }) => message),
          ];
          return [/isobar\.dev\/policy.*fastest/, /spec\.loadBalancer\.locality\.lowLoadRatio/].every(
            (each) => messages.some((message) => each.test(message)),
          );
        },
        () => messages,
      );
      await views.stayAt(serving, 300);
    },
  );

  it("lose a service that is deleted, and find it again when it is made again", LIMIT, async () => {
    gone.fromMs = Date.now();
    await cluster.writer.delete(service("echo"));
    await views.agreeOn([]);
    await cluster.writer.apply(service("echo"));
    // A cluster takes the slices with their Service, this one may not: then they have to be made again.
    await scaleTo(serving);
    // grpc-js-xds 1.14.1 passes over a resource that comes back as it was: its channels have to be made anew.
    const stuck = callers.findIndex(({ name }) => name === "node");
    endedEarly.push(await callers[stuck]!.finish());
    callers[stuck] = startProxyless("node", node);
    await views.agreeOn(serving);
    gone.toMs = Date.now();
  });

  it("have lost no call, but those for the service while there was none", LIMIT, async () => {
    const reports = await Promise.all(callers.map((each) => each.finish()));
    for (const { name, unary, streams, failed } of [...reports, ...endedEarly]) {
      const lost = failed.filter(({ at }) => at < gone.fromMs || at > gone.toMs);
      assert.deepEqual(lost.slice(0, 5), [], `${name}: ${lost.length} of ${unary + streams} calls`);
      assert.ok(unary > 0 && streams > 0, `${name}: ${unary} calls, ${streams} streams`);
    }
  });
});

function bootstrap(folder: string, port: number): string {
  const path = join(folder, "bootstrap.json");
  const server = {
    server_uri: `127.0.0.1:${port}`,
    channel_creds: [{ type: "insecure" }],
    server_features: ["xds_v3"],
  };
  const node = { id: "e2e", cluster: "e2e", locality: { region: "r", zone: "a" } };
  writeFileSync(path, JSON.stringify({ xds_servers: [server], node }));
  return path;
}
