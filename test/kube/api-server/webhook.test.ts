import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parse, parseAllDocuments } from "yaml";
import { SeededRandom } from "../../../src/base/random.ts";
import { AUTHORITY_TIMES } from "../../../src/control-plane/trust/authority-set.ts";
import { OwnAuthority } from "../../../src/control-plane/trust/own-authority.ts";
import { WebhookService } from "../../../src/control-plane/webhook/webhook-service.ts";
import { ApiClient } from "../../../src/kube/api-client.ts";
import { ApiConnection } from "../../../src/kube/api-connection.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { missingOpenssl } from "../../support/test-authority.ts";
import { missingKubelab } from "../harness/build-kubelab.ts";
import type { Manifest, Stored } from "../harness/kube-writer.ts";
import { LoggedControlPlane, TrustedCluster } from "../harness/trusted-cluster.ts";

const LIMIT_MS = 30_000;
const missing = missingKubelab() ?? missingOpenssl();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;
const CONFIGURATION = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "MutatingWebhookConfiguration",
  metadata: { name: "zz-isobar" },
};
const REPLICA_SET = {
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  name: "app-1",
  uid: "u-1",
  controller: true,
};

interface StoredPod extends Stored {
  readonly spec: {
    readonly containers: readonly { readonly env?: readonly { readonly name: string }[] }[];
    readonly initContainers?: readonly { readonly name: string; readonly image: string }[];
  };
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < untilMs, `${what}: not within ${LIMIT_MS} ms`);
    await sleep(50);
  }
}

function readDeployed(file: string): readonly Manifest[] {
  const text = readFileSync(join(REPOSITORY, "deploy", file), "utf8");
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

describe("the webhook, asked by an API server", { skip }, () => {
  let cluster: TrustedCluster;
  let controlPlane: LoggedControlPlane;
  let pods = 0;
  const start = async (port: number): Promise<number> => {
    const args = ["--kubeconfig", await cluster.kubeConfig(), "--webhook", `127.0.0.1:${port}`];
    controlPlane = await LoggedControlPlane.start(cluster.api.folder, args);
    const [line] = await controlPlane.logged(/"message":"serving xDS"/);
    return Number((JSON.parse(line!) as { readonly webhook: string }).webhook.split(":")[1]);
  };

  /** The manifest as it is deployed, but for the port, since nothing here translates a Service's. */
  const configure = async (port: number): Promise<void> => {
    const text = readFileSync(join(REPOSITORY, "deploy/webhook/webhook.yaml"), "utf8");
    await cluster.api.writer.apply(parse(text.replace("port: 443", `port: ${port}`)) as Manifest);
  };
  const caBundle = async (): Promise<string> => {
    const { webhooks } = (await cluster.api.writer.get(CONFIGURATION)) as unknown as {
      readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
    };
    return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? "", "base64").toString();
  };

  /** Creates a Pod. @returns it as the API server has it. */
  const create = async (
    namespace: string,
    {
      annotations,
      env = [],
      dryRun = false,
    }: { annotations?: object; env?: readonly object[]; dryRun?: boolean } = {},
  ): Promise<StoredPod> => {
    const name = `app-1-${pods++}`;
    const metadata = { namespace, name, ...(annotations && { annotations }), ownerReferences: [REPLICA_SET] };
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata,
      spec: { containers: [{ name: "app", image: "i", env }] },
    };
    const path = `/api/v1/namespaces/${namespace}/pods${dryRun ? "?dryRun=All" : ""}`;
    return (await cluster.api.writer.send("POST", path, pod)) as StoredPod;
  };
  const variables = ({ spec }: StoredPod): readonly string[] =>
    (spec.containers[0]?.env ?? []).map(({ name }) => name);

  before(async () => {
    cluster = await TrustedCluster.start();
    for (const object of readDeployed("webhook/rbac.yaml")) await cluster.api.writer.apply(object);
    await cluster.namespace("shop", { mode: "proxy-env" });
    await cluster.namespace("bank", { mode: "transparent" });
    await cluster.namespace("kube-system", { mode: "transparent" });
    await cluster.api.writer.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace: "isobar-system", name: "isobar-control-plane" },
      spec: {
        clusterIP: "127.0.0.1",
        clusterIPs: ["127.0.0.1"],
        ports: [{ name: "webhook", port: 443, protocol: "TCP" }],
      },
    });
    const port = await start(0);
    await configure(port);
    await until("the API server has been told whom to trust", async () => (await caBundle()) !== "");
    // API servers take up changed configurations in their own time.
    await until("it asks", async () => (await create("bank")).spec.initContainers !== undefined);
  });

  after(async () => {
    await controlPlane?.stop();
    await cluster?.close();
  });

  it("a Pod of a namespace in mode transparent waits before all else", async () => {
    const { spec, metadata } = await create("bank");
    assert.deepEqual(
      spec.initContainers?.map(({ name }) => name),
      ["isobar-wait"],
    );
    assert.match(spec.initContainers?.[0]?.image ?? "", /^isobar:\d/);
    assert.deepEqual(variables({ spec } as StoredPod), []);
    assert.deepEqual(metadata.annotations, { "isobar.dev/injected": "wait" });
  });

  it("a Pod of a namespace in mode proxy-env gets variables, and one that says off does not", async () => {
    const wanted = ["grpc_proxy", "HTTPS_PROXY", "NO_PROXY", "no_proxy", "JAVA_TOOL_OPTIONS"];
    assert.deepEqual(variables(await create("shop", { env: [{ name: "A", value: "1" }] })), ["A", ...wanted]);
    assert.deepEqual(variables(await create("shop", { annotations: { "isobar.dev/mode": "off" } })), []);
    assert.deepEqual((await create("kube-system")).spec.initContainers, undefined);
    assert.deepEqual((await create("isobar-system")).spec.initContainers, undefined);
  });

  it("a Pod that says something of proxies itself is left alone, and an Event says so once", async () => {
    const env = [{ name: "no_proxy", value: ".svc,.cluster.local" }];
    assert.deepEqual(variables(await create("shop", { env, dryRun: true })), ["no_proxy"]);
    for (let replica = 0; replica < 3; replica++)
      assert.deepEqual(variables(await create("shop", { env })), ["no_proxy"]);
    let events: readonly Stored[] = [];
    await until("there is an Event", async () => {
      const all = await cluster.api.writer.list("v1", "events", "shop");
      events = all.filter((event) => event["reason"] === "PodLeftAlone");
      return events.length > 0;
    });
    assert.equal(events.length, 1);
    assert.match(
      String(events[0]?.["message"]),
      /app sets no_proxy, where ".svc" excludes the cluster's names$/,
    );
    const { kind, name } = events[0]!["involvedObject"] as { readonly kind: string; readonly name: string };
    assert.deepEqual([kind, name], ["ReplicaSet", "app-1"]);
  });

  it("a namespace that opts in or out changes what becomes of its next Pods", async () => {
    await cluster.namespace("bank", { mode: "proxy-env" });
    await until("variables", async () => variables(await create("bank")).length > 0);
    await cluster.namespace("bank", { mode: "proxy-env", percent: "0" });
    await until("none", async () => variables(await create("bank")).length === 0);
    await cluster.namespace("bank", { mode: "transparent" });
    await until("waits", async () => (await create("bank")).spec.initContainers !== undefined);
  });

  it("a configuration that is applied anew is told again whom to trust, and nothing else of it is changed", async () => {
    const before = (await cluster.api.writer.get(CONFIGURATION)) as unknown as {
      readonly webhooks: object[];
    };
    const without = structuredClone(before) as { webhooks: { clientConfig: { caBundle?: string } }[] };
    delete without.webhooks[0]?.clientConfig.caBundle;
    await cluster.api.writer.send(
      "PUT",
      "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/zz-isobar",
      without,
    );
    await until("told again", async () => (await caBundle()) !== "");
    const again = (await cluster.api.writer.get(CONFIGURATION)) as unknown as { readonly webhooks: object[] };
    assert.deepEqual(again.webhooks, before.webhooks);
    await until("it asks", async () => (await create("bank")).spec.initContainers !== undefined);
  });

  it("without an answer Pods are created as they are, and when the webhook is back they are not", async () => {
    const [line] = await controlPlane.logged(/"message":"serving xDS"/);
    const port = Number((JSON.parse(line!) as { readonly webhook: string }).webhook.split(":")[1]);
    await controlPlane.stop();
    const startedMs = performance.now();
    const pod = await create("bank");
    assert.equal(pod.spec.initContainers, undefined);
    assert.ok(performance.now() - startedMs < 10_000);
    assert.equal(await start(port), port);
    await until("it asks", async () => (await create("bank")).spec.initContainers !== undefined);
  });

  it("needs the permissions that are granted for it, and no others", async () => {
    const asked = cluster.recorder.calls.filter(({ resource }) => resource.startsWith("mutatingwebhook"));
    const needed = new Set(asked.map(({ verb, resource, name }) => `${verb} ${resource} ${name}`));
    const [role] = readDeployed("webhook/rbac.yaml") as unknown as readonly {
      readonly rules: readonly {
        readonly verbs: readonly string[];
        readonly resources: readonly string[];
        readonly apiGroups: readonly string[];
        readonly resourceNames: readonly string[];
      }[];
    }[];
    const granted = role!.rules.flatMap(({ verbs, resources, apiGroups, resourceNames }) =>
      verbs.map((verb) => `${verb} ${resources[0]}.${apiGroups[0]} ${resourceNames[0]}`),
    );
    assert.deepEqual([...needed].sort(), granted.sort());
    assert.deepEqual(
      cluster.recorder.calls.filter(({ status }) => status === 403),
      [],
    );
  });

  it("goes on answering while the authority is followed by its successor", async () => {
    await controlPlane.stop();
    const connection = new ApiConnection({ file: cluster.api.kubeConfig });
    const api = new ApiClient(connection);
    const log = createLog({ level: "silent" });
    // Long ago, so that all that is issued is valid by the API server's clock, too.
    let nowMs = Date.now() - AUTHORITY_TIMES.authorityLifeMs * 0.9;
    const random = new SeededRandom(7);
    const authority = new OwnAuthority({
      api,
      namespace: "isobar-system",
      secretName: "former-ca",
      bundleName: "former-ca-bundle",
      names: ["isobar-control-plane.isobar-system.svc"],
      clientCa: "",
      log,
      random,
      times: { ...AUTHORITY_TIMES, servingLifeMs: AUTHORITY_TIMES.authorityLifeMs },
      nowMs: () => nowMs,
      lookMs: 50,
    });
    const service = new WebhookService({
      address: { kind: "ip", host: "127.0.0.1", port: 0 },
      configuration: "zz-isobar",
      settings: { image: "isobar:test", door: "169.254.77.1:15001", domain: "cluster.local" },
      optIn: (namespace) => ({
        mode: namespace === "bank" ? "transparent" : "off",
        percent: 100,
        failClosed: false,
        mesh: "",
      }),
      api,
      bundle: () => authority.bundle,
      log,
      random,
      lookMs: 50,
    });
    try {
      const port = await service.start(await authority.start((renewed) => service.use(renewed)));
      await configure(port);
      const image = async (): Promise<string | undefined> =>
        (await create("bank")).spec.initContainers?.[0]?.image;
      await until("it asks the other one", async () => (await image()) === "isobar:test");
      const first = await caBundle();
      nowMs += AUTHORITY_TIMES.authorityLifeMs * 0.7;
      await until("the next authority is published", async () => (await caBundle()).length > first.length);
      assert.equal(await image(), "isobar:test");
      nowMs += AUTHORITY_TIMES.overlapMs * 2;
      const second = await caBundle();
      await until("the next authority is in use", async () => (await caBundle()) !== second);
      await until("asked with its certificate", async () => (await image()) === "isobar:test");
      assert.notEqual(await caBundle(), first);
      assert.ok((await caBundle()).includes(first.trim()), "the former one counts until it ends");
    } finally {
      await service.close();
      await authority.close();
      await connection.close();
    }
  });
});
