import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import type { CertificateFlags, TrustFlags } from "../control-plane/trust/create-trust.ts";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";

/** What the command line says about who is trusted. */
export interface TrustOptions {
  readonly insecure?: boolean;
  readonly tlsCertFile?: string;
  readonly tlsKeyFile?: string;
  readonly caSecret?: string;
  readonly tlsName?: readonly string[];
  readonly clientCaFile?: string;
  readonly clientAuth: "required" | "none";
  readonly proxyServiceAccount?: readonly string[];
  readonly clients?: string;
  readonly scope: "opted-in" | "cluster";
}

/** What they mean depends on where services come from. */
export interface TrustSurroundings {
  readonly static?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly clusterDomain: string;
  readonly peers?: readonly unknown[];
}

/** Adds the options about certificates, and about who may ask for what. */
export function addTrustOptions(command: Command): Command {
  return command
    .option(
      "--tls-cert-file <file>",
      "serve with this certificate (PEM, intermediate ones behind it); default: one of an authority of its own",
    )
    .option("--tls-key-file <file>", "the key of --tls-cert-file")
    .option(
      "--ca-secret <namespace/name>",
      "where its own authority is kept; default: isobar-ca in its own namespace",
      namespacedName,
    )
    .option("--tls-name <name>", "a further name in its own certificate; may be repeated", repeated)
    .option("--client-ca-file <file>", "clients may show certificates of these authorities (PEM)")
    .addOption(
      new Option("--client-auth <mode>", "none: serve over TLS to anybody who can connect")
        .choices(["required", "none"])
        .default("required"),
    )
    .option(
      "--proxy-service-account <namespace/name>",
      "whose tokens are proxies'; may be repeated; default: isobar-proxy in its own namespace",
      repeatedName,
    )
    .option("--clients <file>", "who else may ask, and for what (docs/security.md)")
    .addOption(
      new Option(
        "--scope <scope>",
        "what a node's proxy may ask for: what Pods may call that opted in, or everything",
      )
        .choices(["opted-in", "cluster"])
        .default("opted-in"),
    )
    .option("--insecure", "serve in clear text, to anybody who can connect");
}

/** @throws ExitError where it is not clear how the control plane is known, or its clients. */
export function trustFlags(options: TrustOptions, around: TrustSurroundings): TrustFlags {
  const { insecure = false, clientAuth, clientCaFile, scope } = options;
  if (insecure) return checkedInsecure(options);
  const isStatic = around.static !== undefined;
  const isKubernetes = !isStatic || around.kubeconfig !== undefined || around.context !== undefined;
  const certificates = certificateFlags(options, isKubernetes);
  if (!isKubernetes && clientAuth === "required" && clientCaFile === undefined) {
    throw usage(
      "--client-ca-file: found nothing, wanted authorities of clients' certificates, --kubeconfig to have tokens reviewed, --client-auth none, or --insecure",
    );
  }
  return {
    kind: "tls",
    certificates,
    clientAuth,
    kubeConfig: isKubernetes ? { file: around.kubeconfig, context: around.context } : undefined,
    clusterDomain: around.clusterDomain,
    proxyAccounts: options.proxyServiceAccount ?? [],
    clientsFile: options.clients,
    scope,
    hasReplicas: around.peers !== undefined,
  };
}

function checkedInsecure(options: TrustOptions): TrustFlags {
  const { tlsCertFile, tlsKeyFile, caSecret, clientCaFile, clients, clientAuth } = options;
  const useless = tlsCertFile ?? tlsKeyFile ?? caSecret ?? clientCaFile ?? clients;
  if (useless === undefined && clientAuth === "required") return { kind: "insecure" };
  throw usage(
    `--insecure: found it beside ${useless ?? `--client-auth ${clientAuth}`}, wanted either of them`,
  );
}

function certificateFlags(options: TrustOptions, isKubernetes: boolean): CertificateFlags {
  const { tlsCertFile, tlsKeyFile, caSecret, tlsName = [], clientCaFile } = options;
  if (tlsCertFile === undefined && tlsKeyFile === undefined) {
    if (isKubernetes) return { kind: "own", secret: caSecret, names: tlsName, clientCaFile };
    throw usage(
      "--tls-cert-file: found nothing, wanted a certificate and its key (--tls-key-file), or --insecure",
    );
  }
  if (tlsKeyFile === undefined)
    throw usage("--tls-key-file: found nothing, wanted the key of --tls-cert-file");
  if (tlsCertFile === undefined)
    throw usage("--tls-cert-file: found nothing, wanted the certificate of --tls-key-file");
  if (caSecret !== undefined)
    throw usage(`--ca-secret: found ${caSecret} beside --tls-cert-file, wanted either of them`);
  return { kind: "files", paths: { certFile: tlsCertFile, keyFile: tlsKeyFile, clientCaFile } };
}

function usage(message: string): ExitError {
  return new ExitError(ExitCode.usage, message);
}

function namespacedName(text: string): string {
  if (/^[a-z0-9-]+\/[a-z0-9.-]+$/.test(text)) return text;
  throw new InvalidArgumentError(`Found "${text}", wanted namespace/name.`);
}

function repeatedName(text: string, former: readonly string[] = []): readonly string[] {
  return [...former, namespacedName(text)];
}

function repeated(text: string, former: readonly string[] = []): readonly string[] {
  if (!/^[A-Za-z0-9*.:-]+$/.test(text))
    throw new InvalidArgumentError(`Found "${text}", wanted a DNS name or an IP address.`);
  return [...former, text];
}
