import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseAllDocuments } from "yaml";
import type { ControlPlaneTls } from "../../../src/xds/client/grpc-ads-transport.ts";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { ApiServer } from "./api-server.ts";
import { OTHERS_CRDS, OWN_CRDS } from "./build-kubelab.ts";
import type { Manifest } from "./kube-writer.ts";
import { RecordingProxy } from "./recording-proxy.ts";

const LIMIT_MS = 30_000;
const NAMESPACE = "isobar-system";
const CRDS = [
  join(OWN_CRDS, "isobar.dev_trafficpolicies.yaml"),
  join(OTHERS_CRDS, "gateway.networking.k8s.io_grpcroutes.yaml"),
  join(OTHERS_CRDS, "gateway.networking.k8s.io_referencegrants.yaml"),
];

/** A cluster with the permissions that the product asks for, in which its parts have ServiceAccounts, Pods and tokens. */
export class TrustedCluster {
  readonly api: ApiServer;
  readonly recorder: RecordingProxy;

  private constructor(api: ApiServer, recorder: RecordingProxy) {
    this.api = api;
    this.recorder = recorder;
  }

  static async start(): Promise<TrustedCluster> {
    const api = await ApiServer.start();
    const cluster = new TrustedCluster(api, await RecordingProxy.start(api.port));
    for (const file of CRDS) await api.install(file);
    for (const name of [NAMESPACE, "shop", "bank"]) await cluster.namespace(name);
    const rules = readFileSync(join(REPOSITORY, "deploy/rbac/control-plane.yaml"), "utf8");
    for (const document of parseAllDocuments(rules)) await api.writer.apply(document.toJS() as Manifest);
    return cluster;
  }

  /** @param annotations without their prefix; what it had is replaced. */
  async namespace(name: string, annotations: Readonly<Record<string, string>> = {}): Promise<void> {
    const own = Object.entries(annotations).map(([key, value]) => [`isobar.dev/${key}`, value]);
    const metadata = { name, annotations: Object.fromEntries(own) };
    await this.api.writer.apply({ apiVersion: "v1", kind: "Namespace", metadata });
  }

  /** A Pod that runs. */
  async pod(namespace: string, name: string, node: string, annotations: object = {}): Promise<string> {
    const pod = await this.api.writer.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { namespace, name, annotations },
      spec: { nodeName: node, containers: [{ name: "c", image: "i" }] },
    });
    return pod.metadata.uid;
  }

  async deletePod(namespace: string, name: string): Promise<void> {
    await this.api.writer.delete({ apiVersion: "v1", kind: "Pod", metadata: { namespace, name } });
  }

  async service(namespace: string, name: string, annotations: object = {}): Promise<void> {
    await this.api.writer.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace, name, annotations },
      spec: { ports: [{ name: "grpc", port: 80, protocol: "TCP" }], clusterIPs: ["None"] },
    });
  }

  /** Endpoints of a Service without Pods. @param addresses `ip:port`, all of one ip. */
  async endpoints(namespace: string, service: string, addresses: readonly string[]): Promise<void> {
    for (const [index, each] of addresses.entries()) {
      const [address = "", port = ""] = each.split(":");
      await this.api.writer.apply({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {
          namespace,
          name: `${service}-${index}`,
          labels: { "kubernetes.io/service-name": service },
        },
        addressType: "IPv4",
        ports: [{ name: "grpc", port: Number(port), protocol: "TCP" }],
        endpoints: [{ addresses: [address], conditions: { ready: true } }],
      });
    }
  }

  async account(namespace: string, name: string): Promise<void> {
    await this.api.writer.apply({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { namespace, name },
    });
  }

  /** @returns a token as kubelets project it. */
  async token(
    account: string,
    wish: { pod?: string; audience?: string; seconds?: number } = {},
  ): Promise<string> {
    const [namespace = "", name = ""] = account.split("/");
    const { pod, audience = "isobar", seconds = 3_600 } = wish;
    const boundObjectRef = pod === undefined ? undefined : { apiVersion: "v1", kind: "Pod", name: pod };
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const answer = await this.api.writer.send("POST", path, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: {},
      spec: {
        ...(audience === "" ? {} : { audiences: [audience] }),
        expirationSeconds: seconds,
        boundObjectRef,
      },
    });
    return (answer as unknown as { readonly status: { readonly token: string } }).status.token;
  }

  /** @returns a kubeconfig as the control plane's Pod has it, by way of {@link recorder}. */
  async kubeConfig(): Promise<string> {
    const token = await this.token(`${NAMESPACE}/isobar-control-plane`, { audience: "" });
    const file = join(this.api.folder, "control-plane.kubeconfig");
    const data = Buffer.from(this.recorder.ca).toString("base64");
    const config = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "it",
      clusters: [
        { name: "it", cluster: { server: this.recorder.origin, "certificate-authority-data": data } },
      ],
      users: [{ name: "it", user: { token } }],
      contexts: [{ name: "it", context: { cluster: "it", user: "it", namespace: NAMESPACE } }],
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  /** What clients trust that mount the ConfigMap. */
  async trusted(): Promise<ControlPlaneTls> {
    const object = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace: NAMESPACE, name: "isobar-ca-bundle" },
    };
    const bundle = (await this.api.writer.get(object)) as unknown as { data: Record<string, string> };
    const serverName = `isobar-control-plane.${NAMESPACE}.svc`;
    return { ca: bundle.data["ca.crt"]!, cert: "", key: "", serverName, subjectAltNames: [] };
  }

  async close(): Promise<void> {
    this.recorder.close();
    await this.api.close();
  }
}

/** `isobar control-plane`, with its log. */
export class LoggedControlPlane {
  readonly #child: Child;
  readonly #file: string;
  address = "";
  admin = "";

  private constructor(child: Child, file: string) {
    this.#child = child;
    this.#file = file;
  }

  /** @param folder for its log. @param program the module that runs it, and what it takes first. @returns it when it serves. */
  static async start(
    folder: string,
    args: readonly string[],
    program: readonly string[] = [join(REPOSITORY, "src/cli/launch.mjs")],
  ): Promise<LoggedControlPlane> {
    const file = join(folder, `control-plane-${Date.now()}-${Math.floor(performance.now())}.log`);
    const free = ["--address", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    const shell = { command: "sh", args: ["-c", `exec "$0" "$@" 2>"${file}"`, process.execPath] };
    const command = [...program, "control-plane", ...free, ...args];
    const started = new LoggedControlPlane(new Child(shell, command), file);
    const [serving] = await started.logged(/"message":"serving xDS"/);
    const { address, admin } = JSON.parse(serving!) as { address: string; admin: string };
    started.address = address;
    started.admin = admin;
    return started;
  }

  get lines(): readonly string[] {
    try {
      return readFileSync(this.#file, "utf8").split("\n");
    } catch {
      return [];
    }
  }

  /** @returns the lines of the log that match, when there are any. */
  async logged(wanted: RegExp): Promise<readonly string[]> {
    const untilMs = performance.now() + LIMIT_MS;
    for (;;) {
      const found = this.lines.filter((line) => wanted.test(line));
      if (found.length > 0) return found;
      if (performance.now() > untilMs)
        throw new Error(`${wanted} is not in the log:\n${this.lines.join("\n")}`);
      await sleep(20);
    }
  }

  /** Waits until more than so many lines of the log match. */
  async again(wanted: RegExp, count: number): Promise<void> {
    const untilMs = performance.now() + LIMIT_MS;
    while (this.lines.filter((line) => wanted.test(line)).length <= count) {
      if (performance.now() > untilMs)
        throw new Error(`${wanted} is ${count} times in the log:\n${this.lines.join("\n")}`);
      await sleep(20);
    }
  }

  async get(path: string): Promise<string> {
    return (await fetch(`http://${this.admin}${path}`)).text();
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}
