import { createHash } from "node:crypto";
import type { AdmissionRequest, IncomingPod } from "./admission-review.ts";
import type { PodOptIn, PodVerdict, PodWebhookSettings } from "./judge-pod.ts";
import { judgePod } from "./judge-pod.ts";
import type { WarningEvents } from "./warning-events.ts";

/** What a {@link PodWebhook} decides by. */
export interface PodWebhookOptions {
  readonly settings: PodWebhookSettings;
  /** @returns what Namespace and Pod say; undefined while Namespaces are not known. */
  readonly optIn: (namespace: string, pod: IncomingPod) => PodOptIn | undefined;
  readonly events: Pick<WarningEvents, "leftAlone">;
}

/** Namespaces that are never touched, whatever they say: a cluster has to start without us. */
const UNTOUCHED: ReadonlySet<string> = new Set(["kube-system", "kube-public", "kube-node-lease"]);

const NOT_ASKED: PodOptIn = { mode: "off", percent: 0, failClosed: false, mesh: "" };

/** Answers what the API server asks of Pods before it creates them, and counts. */
export class PodWebhook {
  readonly #options: PodWebhookOptions;
  /** Answers by what became of the Pods; `failed`: there was none. */
  readonly counts: Record<PodVerdict["result"] | "failed", number> = {
    proxy_env: 0,
    wait: 0,
    unchanged: 0,
    left_alone: 0,
    failed: 0,
  };

  constructor(options: PodWebhookOptions) {
    this.#options = options;
  }

  /** @returns undefined while nothing can be said. */
  answer(request: AdmissionRequest): PodVerdict | undefined {
    const { uid, namespace, operation, resource, object, dryRun } = request;
    const { settings, optIn, events } = this.#options;
    const isPod = operation === "CREATE" && resource.group === "" && resource.resource === "pods";
    const said = !isPod || UNTOUCHED.has(namespace) ? NOT_ASKED : optIn(namespace, object);
    if (said === undefined) {
      this.counts.failed++;
      return undefined;
    }
    const verdict = judgePod(object, said, drawOf(uid), settings);
    this.counts[verdict.result]++;
    const [warning] = verdict.warnings;
    if (warning !== undefined && dryRun !== true) events.leftAlone(namespace, object, warning);
    return verdict;
  }
}

/** The API server gives each question an id by chance. @returns 0 to 99. */
function drawOf(uid: string): number {
  return createHash("sha256").update(uid).digest().readUInt32BE(0) % 100;
}
