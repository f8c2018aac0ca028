import { SeededRandom } from "../../base/random.ts";
import type { SocketAddress } from "../../config/socket-address.ts";
import type { KubernetesSource } from "../../controller/kubernetes-source.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Trust } from "../trust/create-trust.ts";
import { optInOf } from "./opt-in-of.ts";
import { WebhookService } from "./webhook-service.ts";

/** How the webhook was asked for on the command line. */
export interface WebhookFlags {
  readonly address: SocketAddress & { readonly kind: "ip" };
  /** The MutatingWebhookConfiguration's name. */
  readonly configuration: string;
  /** The image of `isobar` that Pods wait by. */
  readonly image: string;
  /** The node's address for callers, `ip:port`. */
  readonly door: string;
}

/**
 * Makes the webhook for the own cluster.
 *
 * @param cluster the own one; undefined where services come from a file.
 * @throws ExitError where it could not work.
 */
export function openWebhook(
  flags: WebhookFlags,
  {
    trust,
    cluster,
    domain,
    log,
  }: {
    readonly trust: Trust;
    readonly cluster: KubernetesSource | undefined;
    readonly domain: string;
    readonly log: Log;
  },
): WebhookService {
  const { identity, api } = trust;
  if (identity === undefined || api === undefined || cluster === undefined) {
    const found = cluster === undefined ? "--static" : "--insecure";
    throw new ExitError(
      ExitCode.usage,
      `--webhook: found it beside ${found}, wanted Kubernetes and TLS: API servers ask over TLS only, and about their own cluster`,
    );
  }
  let isKnown = false;
  return new WebhookService({
    address: flags.address,
    configuration: flags.configuration,
    settings: { image: flags.image, door: flags.door, domain },
    optIn: (namespace, pod) => {
      // Of Namespaces: Pods that are listed later have nothing to do with one that is not there yet, which nobody prepares afterwards.
      isKnown ||= cluster.isListed;
      return isKnown && cluster.objects !== undefined ? optInOf(cluster.objects, namespace, pod) : undefined;
    },
    api,
    bundle: () => identity.bundle,
    log,
    random: new SeededRandom(process.pid ^ Date.now()),
  });
}
