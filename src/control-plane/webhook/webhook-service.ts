import type { Random } from "../../base/random.ts";
import type { SocketAddress } from "../../config/socket-address.ts";
import { StatusWriter } from "../../controller/status-writer.ts";
import type { ApiClient } from "../../kube/api-client.ts";
import type { Log } from "../../telemetry/log.ts";
import type { ServerIdentity } from "../../xds/server/server-identity.ts";
import { BundleKeeper } from "./bundle-keeper.ts";
import type { PodWebhookOptions } from "./pod-webhook.ts";
import { PodWebhook } from "./pod-webhook.ts";
import { WarningEvents } from "./warning-events.ts";
import { WebhookServer } from "./webhook-server.ts";

/** What a {@link WebhookService} is made of. */
export interface WebhookServiceOptions extends Pick<PodWebhookOptions, "settings" | "optIn"> {
  readonly address: SocketAddress & { readonly kind: "ip" };
  /** The MutatingWebhookConfiguration's name. */
  readonly configuration: string;
  readonly api: ApiClient;
  /** @returns what the API server is to trust, PEM; "" where somebody else tells it. */
  readonly bundle: () => string;
  readonly log: Log;
  readonly random: Random;
  /** How often the configuration is looked after; default 5 s. */
  readonly lookMs?: number;
}

/** The webhook with all that belongs to it: its port, its Events, and its configuration's authority. */
export class WebhookService {
  readonly address: SocketAddress & { readonly kind: "ip" };
  readonly #webhook: PodWebhook;
  readonly #server: WebhookServer;
  readonly #writer: StatusWriter;
  readonly #keeper: BundleKeeper;
  readonly #keepsBundle: () => boolean;

  constructor(options: WebhookServiceOptions) {
    const { address, configuration: name, api, bundle, log, random, settings, optIn, lookMs } = options;
    this.address = address;
    this.#writer = new StatusWriter(api, log, random);
    this.#webhook = new PodWebhook({ settings, optIn, events: new WarningEvents(this.#writer, Date.now) });
    this.#server = new WebhookServer(this.#webhook);
    this.#keeper = new BundleKeeper({
      api,
      name,
      bundle,
      log,
      random,
      ...(lookMs === undefined ? {} : { lookMs }),
    });
    this.#keepsBundle = () => bundle() !== "";
  }

  /** Answers by what became of the Pods. */
  get counts(): Readonly<Record<string, number>> {
    return this.#webhook.counts;
  }

  /** @returns the port as bound. @throws when the address cannot be bound. */
  async start(identity: ServerIdentity): Promise<number> {
    const port = await this.#server.listen(this.address.host, this.address.port, identity);
    // Only whoever answers has the API server ask.
    if (this.#keepsBundle()) this.#keeper.start();
    return port;
  }

  /** From now on connections are made with this; those that stand go on. */
  use(identity: ServerIdentity): void {
    this.#server.use(identity);
  }

  async close(): Promise<void> {
    await this.#keeper.close();
    await this.#server.close();
    await this.#writer.close();
  }
}
