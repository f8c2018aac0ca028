import type { AuditHead } from "../../audit/audit-trail.ts";
import { SeededRandom } from "../../base/random.ts";
import { StatusWriter } from "../../controller/status-writer.ts";
import { CONTROLLER_NAME } from "../../controller/written-verdicts.ts";
import { ApiClient } from "../../kube/api-client.ts";
import type { KubeConfigChoice } from "../../kube/api-connection.ts";
import { ApiConnection } from "../../kube/api-connection.ts";
import type { Log } from "../../telemetry/log.ts";
import type { HeadPublisher } from "./audit.ts";

/** Reason of the Events. */
export const AUDIT_HEAD = "AuditHead";

/**
 * Publishes heads of the audit as Events: about our Pod where the environment names it (`POD_NAME`, `POD_NAMESPACE`), else about the namespace of the
 * kubeconfig, which Kubernetes wants in `default`.
 */
export class EventHeads implements HeadPublisher {
  readonly #connection: ApiConnection;
  readonly #writer: StatusWriter;
  readonly #namespace: string;
  readonly #about: Readonly<Record<string, string>>;

  /** @throws Error in words for people, when there is no usable kubeconfig. */
  constructor(choice: KubeConfigChoice, log: Log) {
    this.#connection = new ApiConnection(choice);
    this.#writer = new StatusWriter(new ApiClient(this.#connection), log, new SeededRandom(Date.now()));
    const { POD_NAME = "", POD_NAMESPACE = this.#connection.namespace } = process.env;
    this.#namespace = POD_NAME === "" ? "default" : POD_NAMESPACE;
    this.#about =
      POD_NAME === ""
        ? { kind: "Namespace", name: POD_NAMESPACE }
        : { kind: "Pod", name: POD_NAME, namespace: POD_NAMESPACE };
  }

  publish({ n, hash }: AuditHead, replica: string): void {
    const namespace = this.#namespace;
    const name = `isobar-audit.${hash.slice(0, 16)}`;
    const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const body = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace },
      type: "Normal",
      reason: AUDIT_HEAD,
      message: `${replica}: record ${n} has the hash ${hash}`,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component: "isobar-control-plane", host: replica },
      reportingComponent: CONTROLLER_NAME,
      involvedObject: { apiVersion: "v1", ...this.#about },
    };
    const path = `/api/v1/namespaces/${namespace}/events`;
    this.#writer.put(`event/${namespace}/${name}`, () => ({ method: "POST", path, body }));
  }

  async close(): Promise<void> {
    await this.#writer.close();
    await this.#connection.close();
  }
}
