import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import type { SocketAddress } from "../config/socket-address.ts";
import { formatSocketAddress, parseSocketAddress } from "../config/socket-address.ts";
import type { WebhookFlags } from "../control-plane/webhook/open-webhook.ts";
import { VERSION } from "../telemetry/version.ts";

type IpAddress = SocketAddress & { readonly kind: "ip" };

/** What the command line says about the webhook. */
export interface WebhookOptions {
  readonly webhook?: IpAddress;
  readonly webhookConfig: string;
  readonly webhookImage: string;
  readonly webhookDoor: IpAddress;
}

/** Where callers reach their node's proxy, the same on every node. */
export const DEFAULT_DOOR = "169.254.77.1:15001";

/** Adds the options about the webhook that prepares Pods. */
export function addWebhookOptions(command: Command): Command {
  return command
    .option(
      "--webhook <address>",
      "answer the API server about new Pods here, ip:port (deploy/webhook/webhook.yaml); without it there is no webhook",
      ipAddress,
    )
    .option("--webhook-config <name>", "the MutatingWebhookConfiguration whose caBundle is kept", "zz-isobar")
    .option("--webhook-image <image>", "the image by which Pods wait for their node", `isobar:${VERSION}`)
    .addOption(
      new Option("--webhook-door <address>", "where Pods reach their node's proxy, ip:port")
        .argParser(ipAddress)
        .default(ipAddress(DEFAULT_DOOR), DEFAULT_DOOR),
    );
}

/** @returns undefined where no webhook is wanted. */
export function webhookFlags(options: WebhookOptions): WebhookFlags | undefined {
  const { webhook, webhookConfig, webhookImage, webhookDoor } = options;
  if (webhook === undefined) return undefined;
  return {
    address: webhook,
    configuration: webhookConfig,
    image: webhookImage,
    door: formatSocketAddress(webhookDoor),
  };
}

function ipAddress(text: string): IpAddress {
  const parsed = parseSocketAddress(text);
  if (parsed?.kind === "ip") return parsed;
  throw new InvalidArgumentError(`Found "${text}", wanted ip:port or [ipv6]:port.`);
}
