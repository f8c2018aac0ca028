import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../base/random.ts";
import type { ApiClient } from "../../kube/api-client.ts";
import { ApiError } from "../../kube/api-error.ts";
import type { RawObject } from "../../kube/raw-object.ts";
import type { Log } from "../../telemetry/log.ts";

/** What a {@link BundleKeeper} works with. */
export interface BundleKeeperOptions {
  readonly api: ApiClient;
  /** The MutatingWebhookConfiguration's name. */
  readonly name: string;
  /** @returns what the API server is to trust, PEM. */
  readonly bundle: () => string;
  readonly log: Log;
  readonly random: Random;
  /** How often it is looked after; default 5 s. */
  readonly lookMs?: number;
}

/** Which of the configuration's webhooks is ours. */
export const WEBHOOK_NAME = "pods.isobar.dev";

const LOOK_MS = 5_000;
const GROUP = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

interface WebhookConfiguration extends RawObject {
  readonly webhooks?: readonly {
    readonly name?: string;
    readonly clientConfig?: { readonly caBundle?: string };
  }[];
}

/**
 * Keeps `caBundle` of our MutatingWebhookConfiguration what the API server has to trust, also when somebody has applied the manifest again. Nothing else of it is touched, and it is not made: whoever
 * takes it away does not get it back.
 */
export class BundleKeeper {
  readonly #options: BundleKeeperOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #trouble = "";

  constructor(options: BundleKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Does what is due. @returns whether something was written. @throws ApiError, and errors of the network. */
  async look(): Promise<boolean> {
    const { api, name, bundle, log } = this.#options;
    const signal = this.#stop.signal;
    const wanted = Buffer.from(bundle()).toString("base64");
    const { webhooks = [] } = (await api.get(`${GROUP}/${name}`, { signal })) as WebhookConfiguration;
    const index = webhooks.findIndex((each) => each.name === WEBHOOK_NAME);
    if (index < 0) throw new Error(`found no webhook ${WEBHOOK_NAME} in it, wanted one`);
    if (webhooks[index]?.clientConfig?.caBundle === wanted) return false;
    const patch = [
      { op: "test", path: `/webhooks/${index}/name`, value: WEBHOOK_NAME },
      { op: "add", path: `/webhooks/${index}/clientConfig/caBundle`, value: wanted },
    ];
    await api.write("PATCH", `${GROUP}/${name}`, patch, { kind: "json-patch+json", signal });
    log.info("the API server has been told whom to trust as webhook", { name });
    return true;
  }

  async #run(): Promise<void> {
    const { lookMs = LOOK_MS, random } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        await this.look();
        this.#trouble = "";
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#say(error);
      }
      await sleep(lookMs * (0.5 + random.nextFloat()), undefined, { signal: this.#stop.signal }).catch(
        () => {},
      );
    }
  }

  /** Once for each kind of trouble. */
  #say(error: unknown): void {
    const trouble = error instanceof Error ? error.message : String(error);
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    const isMissing = error instanceof ApiError && error.code === 404;
    this.#options.log.warn(
      "the webhook's configuration cannot be looked after: Pods are created as they are",
      {
        name: this.#options.name,
        error: trouble,
        advice: isMissing
          ? "apply deploy/webhook/webhook.yaml, or leave out --webhook"
          : "the control plane may get and patch it: deploy/webhook/rbac.yaml",
      },
    );
  }
}
