import { randomBytes } from "node:crypto";
import { networkInterfaces } from "node:os";
import { ApiServer } from "../../kube/harness/api-server.ts";
import { missingKubelab } from "../../kube/harness/build-kubelab.ts";
import { KubeWriter } from "../../kube/harness/kube-writer.ts";

const { ISOBAR_E2E_KUBECONFIG = "", CI = "" } = process.env;

/** Whether the API server is somebody else's, and can be neither killed nor stalled. In CI it never is. */
export const IS_GIVEN: boolean = ISOBAR_E2E_KUBECONFIG !== "" && CI === "";

/** @returns why there can be no cluster on this machine, if so. */
export function missingCluster(): string | undefined {
  return IS_GIVEN ? undefined : missingKubelab();
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

  /** Takes everything away again. */
  async close(): Promise<void> {
    if (this.apiServer !== undefined) return this.apiServer.close();
    // Whatever is in it goes with it.
    await this.writer.delete(this.#namespaceObject).catch(() => {});
    await this.writer.close();
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
