import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { parseAllDocuments } from "yaml";
import { ApiServer } from "../../kube/harness/api-server.ts";
import { missingKubelab } from "../../kube/harness/build-kubelab.ts";
import type { Manifest, Stored } from "../../kube/harness/kube-writer.ts";
import { KubeWriter } from "../../kube/harness/kube-writer.ts";

const { ISOBAR_E2E_KUBECONFIG = "", CI = "" } = process.env;

/** Whether the API server is somebody else's, and can be neither killed nor stalled. In CI it never is. */
export const IS_GIVEN: boolean = ISOBAR_E2E_KUBECONFIG !== "" && CI === "";

/** @returns why there can be no cluster on this machine, if so. */
export function missingCluster(): string | undefined {
  return IS_GIVEN ? undefined : missingKubelab();
}

/** What the suite and the control plane write into a namespace: what is made of others first. */
const KINDS = [
  ["isobar.dev/v1alpha1", "trafficpolicies"],
  ["discovery.k8s.io/v1", "endpointslices"],
  ["v1", "services"],
  ["v1", "events"],
] as const;

/** A CustomResourceDefinition of ours. */
interface Definition {
  readonly definition: Manifest;
  /** What stood in its place before; undefined: nothing. */
  readonly former: Stored | undefined;
}

interface DefinitionSpec {
  readonly group: string;
  readonly names: { readonly plural: string };
  readonly versions: readonly { readonly name: string }[];
}

/**
 * The Kubernetes cluster of the suite: the one that ISOBAR_E2E_KUBECONFIG names, else an API server of our own. Pods are processes of this
 * machine, which slices without a selector point to; only the API server is used of a cluster.
 */
export class E2eCluster {
  readonly kubeConfig: string;
  readonly namespace: string;
  readonly writer: KubeWriter;
  /** Where Pods listen. API servers accept no loopback address in slices, but for our own. */
  readonly host: string;
  /** Our own; undefined where one is given. */
  readonly apiServer: ApiServer | undefined;
  readonly #definitions: Definition[] = [];

  private constructor(kubeConfig: string, apiServer: ApiServer | undefined) {
    this.kubeConfig = kubeConfig;
    this.apiServer = apiServer;
    this.host = apiServer === undefined ? ownAddress() : "127.0.0.1";
    this.namespace = `isobar-e2e-${randomBytes(3).toString("hex")}`;
    this.writer = apiServer?.writer ?? new KubeWriter(kubeConfig);
  }

  /** @returns it with a namespace of the suite's own. */
  static async open(): Promise<E2eCluster> {
    const apiServer = IS_GIVEN ? undefined : await ApiServer.start();
    const cluster = new E2eCluster(apiServer?.kubeConfig ?? ISOBAR_E2E_KUBECONFIG, apiServer);
    try {
      await cluster.writer.apply(cluster.#namespaceObject);
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** Installs the definitions in a file, and notes what stood in their place. */
  async install(file: string): Promise<void> {
    const text = readFileSync(file, "utf8");
    for (const document of parseAllDocuments(text)) {
      const definition = document.toJS() as Manifest;
      this.#definitions.push({
        definition,
        former: await this.writer.get(definition).catch(() => undefined),
      });
    }
    await this.writer.install(text);
  }

  /** Takes everything away again. On a given cluster it is then as it was; rejects when something would not go. */
  async close(): Promise<void> {
    if (this.apiServer !== undefined) return this.apiServer.close();
    try {
      // Not every API server takes what is in a namespace along with it.
      for (const [apiVersion, plural] of KINDS) await this.#deleteAll(apiVersion, plural);
      await this.writer.delete(this.#namespaceObject);
      for (const each of this.#definitions) await this.#restore(each);
    } finally {
      await this.writer.close();
    }
  }

  async #deleteAll(apiVersion: string, plural: string): Promise<void> {
    const { namespace, writer } = this;
    // Of a kind that is not installed there is nothing.
    const found = await writer.list(apiVersion, plural, namespace).catch(() => []);
    const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    for (const { metadata } of found)
      await writer.send("DELETE", `${base}/namespaces/${namespace}/${plural}/${metadata.name}`);
  }

  /** A definition that was not there goes, unless somebody else has objects of it by now. */
  async #restore({ definition, former }: Definition): Promise<void> {
    const { writer } = this;
    const path = `/apis/${definition.apiVersion}/customresourcedefinitions/${definition.metadata.name}`;
    if (former !== undefined) {
      const { resourceVersion } = (await writer.get(definition)).metadata;
      const { spec, metadata } = former;
      const { labels, annotations } = metadata;
      const { name } = definition.metadata;
      const restored = { ...definition, metadata: { name, resourceVersion, labels, annotations }, spec };
      await writer.send("PUT", path, restored);
      return;
    }
    const { group, names, versions } = definition["spec"] as DefinitionSpec;
    const all = await writer.send("GET", `/apis/${group}/${versions[0]!.name}/${names.plural}`);
    if ((all as unknown as { readonly items: readonly object[] }).items.length === 0)
      await writer.send("DELETE", path);
  }

  get #namespaceObject() {
    return { apiVersion: "v1", kind: "Namespace", metadata: { name: this.namespace } };
  }
}

function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const found = all.find(({ family, internal }) => family === "IPv4" && !internal);
  if (found === undefined)
    throw new Error(
      "this machine has no IPv4 address but loopback, which slices of a real cluster may not have",
    );
  return found.address;
}
