import { SeededRandom } from "../../base/random.ts";
import { readTlsFiles } from "../../config/read-tls-files.ts";
import type { ClusterObjects } from "../../controller/cluster-objects.ts";
import type { KubernetesSourceOptions } from "../../controller/kubernetes-source.ts";
import type { OptInBook } from "../../controller/opt-in-book.ts";
import type { ApiClient } from "../../kube/api-client.ts";
import type { KubeConfigChoice } from "../../kube/api-connection.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Admission } from "../../xds/server/admission.ts";
import type { AdmissionParts } from "./admitted-client.ts";
import { CallRules } from "./call-rules.ts";
import type { CertificatePaths } from "./certificate-files.ts";
import { CertificateFiles } from "./certificate-files.ts";
import { ClientRoles } from "./client-roles.ts";
import { ClientsFile } from "./clients-file.ts";
import type { IdentitySource } from "./identity-source.ts";
import { IdentityError } from "./identity-source.ts";
import { StreamAdmission } from "./stream-admission.ts";

/** What the control plane serves with: files, or certificates of an authority of its own. */
export type CertificateFlags =
  | { readonly kind: "files"; readonly paths: CertificatePaths }
  | {
      readonly kind: "own";
      /** `namespace/name`; undefined: `isobar-ca` in the control plane's own namespace. */
      readonly secret: string | undefined;
      /** Further names that clients call it by. */
      readonly names: readonly string[];
      readonly clientCaFile: string | undefined;
    };

/** How the control plane proves who it is, and how its clients have to. */
export type TrustFlags =
  | { readonly kind: "insecure" }
  | {
      readonly kind: "tls";
      readonly certificates: CertificateFlags;
      /** `none`: everybody may ask for everything. */
      readonly clientAuth: "required" | "none";
      /** Where tokens are reviewed and Pods are looked for; undefined: there is no Kubernetes. */
      readonly kubeConfig: KubeConfigChoice | undefined;
      readonly clusterDomain: string;
      /** ServiceAccounts of proxies, `namespace/name`; none: `isobar-proxy` in the control plane's own namespace. */
      readonly proxyAccounts: readonly string[];
      /** Who else may ask, and for what; undefined: nobody. */
      readonly clientsFile: string | undefined;
      readonly scope: AdmissionParts["scope"];
      /** Whether the ServiceAccount `isobar-control-plane` of its own namespace may ask what other replicas' clients report. */
      readonly hasReplicas: boolean;
    };

/** What {@link TrustFlags} come to. */
export interface Trust {
  /** undefined: clear text. */
  readonly identity: IdentitySource | undefined;
  /** undefined: everybody may ask for everything. */
  readonly admission: Admission | undefined;
  /** The API of the own cluster; undefined: there is no Kubernetes. */
  readonly api: ApiClient | undefined;
  /** What is to be said again and again; "" for nothing. */
  readonly warning: string;
  /** What the own cluster's source is to be made with. */
  readonly sourceOptions: Pick<KubernetesSourceOptions, "onAnnotated">;
  /** To be told where the own cluster's objects are. */
  readFrom(objects: () => ClusterObjects | undefined): void;
  close(): Promise<void>;
}

const SERVICE_NAME = "isobar-control-plane";
const SECRET_NAME = "isobar-ca";
const PROXY_ACCOUNT = "isobar-proxy";

const NOTHING = {
  identity: undefined,
  api: undefined,
  admission: undefined,
  sourceOptions: {},
  readFrom: () => {},
  close: async () => {},
};

/** @param optIn who is opted in. @throws IdentityError when a file is no good, Error in words for people when there is no usable kubeconfig. */
export async function createTrust(flags: TrustFlags, log: Log, optIn?: OptInBook): Promise<Trust> {
  if (flags.kind === "insecure") {
    return {
      ...NOTHING,
      warning: "xDS is served in clear text to anybody who can connect, as --insecure permits",
    };
  }
  const { certificates, clientAuth, kubeConfig } = flags;
  const kubernetes = kubeConfig === undefined ? undefined : await openKubernetes(kubeConfig, log);
  const identity =
    certificates.kind === "files"
      ? await loadedFiles(certificates.paths, log)
      : await ownAuthority(certificates, flags.clusterDomain, kubernetes, log);
  if (clientAuth === "none") {
    const warning = "xDS is served to anybody who can connect, as --client-auth none permits";
    return { ...NOTHING, identity, api: kubernetes?.api, warning, close: async () => kubernetes?.close() };
  }
  let objects: () => ClusterObjects | undefined = () => undefined;
  const rules = new CallRules(() => objects(), optIn);
  const own = kubernetes?.namespace ?? "isobar-system";
  const accounts = flags.proxyAccounts.length > 0 ? flags.proxyAccounts : [`${own}/${PROXY_ACCOUNT}`];
  const isNamespaceIn = (namespace: string): boolean =>
    flags.scope === "cluster" || rules.isNamespaceIn(namespace);
  const roles = new ClientRoles(accounts, isNamespaceIn, flags.hasReplicas ? `${own}/${SERVICE_NAME}` : "");
  const clients =
    flags.clientsFile === undefined ? undefined : new ClientsFile(flags.clientsFile, roles, log);
  await clients?.load();
  const takesCertificates =
    (certificates.kind === "files" ? certificates.paths : certificates).clientCaFile !== undefined;
  const parts = { roles, rules, nodePods: kubernetes?.nodePods, scope: flags.scope };
  return {
    identity,
    api: kubernetes?.api,
    admission: new StreamAdmission(parts, kubernetes?.review, takesCertificates),
    warning: "",
    sourceOptions: { onAnnotated: (previous, current) => rules.changed(previous, current) },
    readFrom: (from) => {
      objects = from;
    },
    close: async () => {
      clients?.close();
      await kubernetes?.close();
    },
  };
}

/** What asks Kubernetes is loaded only where it is asked. */
async function openKubernetes(choice: KubeConfigChoice, log: Log) {
  const { ApiClient } = await import("../../kube/api-client.ts");
  const { ApiConnection } = await import("../../kube/api-connection.ts");
  const { CALLERS } = await import("../../kube/objects/caller-object.ts");
  const { NodePods } = await import("./node-pods.ts");
  const { TokenReviewer } = await import("./token-reviewer.ts");
  const connection = new ApiConnection(choice);
  const api = new ApiClient(connection);
  const random = new SeededRandom(process.pid ^ Date.now());
  const nodePods = new NodePods({ api, kind: CALLERS, log, random });
  const reviewer = new TokenReviewer(api);
  return {
    api,
    random,
    nodePods,
    namespace: connection.namespace,
    review: (token: string) => reviewer.review(token),
    close: async (): Promise<void> => {
      await nodePods.close();
      await connection.close();
    },
  };
}

/** Files that are no good are found before anything is opened. */
async function loadedFiles(paths: CertificatePaths, log: Log): Promise<CertificateFiles> {
  const files = new CertificateFiles(paths, log);
  files.load();
  return files;
}

/** The library that issues certificates is loaded only where it is needed. */
async function ownAuthority(
  { secret, names, clientCaFile }: CertificateFlags & { readonly kind: "own" },
  domain: string,
  kubernetes: Awaited<ReturnType<typeof openKubernetes>> | undefined,
  log: Log,
): Promise<IdentitySource> {
  if (kubernetes === undefined)
    throw new IdentityError("--tls-cert-file: found nothing, wanted a certificate");
  const { OwnAuthority } = await import("./own-authority.ts");
  const [namespace = "", secretName = ""] = (secret ?? `${kubernetes.namespace}/${SECRET_NAME}`).split("/");
  const host = `${SERVICE_NAME}.${namespace}`;
  const clientCa = clientCaFile === undefined ? "" : readClientCa(clientCaFile);
  return new OwnAuthority({
    api: kubernetes.api,
    namespace,
    secretName,
    bundleName: `${secretName}-bundle`,
    names: [`${host}.svc`, host, SERVICE_NAME, `${host}.svc.${domain}`, ...names],
    clientCa,
    log,
    random: kubernetes.random,
  });
}

function readClientCa(caFile: string): string {
  const files = readTlsFiles({ mode: "SIMPLE", caFile });
  if (files.problem === undefined) return files.ca;
  throw new IdentityError(`--client-ca-file: found ${caFile}: ${files.problem}, wanted ${files.wanted}`);
}
