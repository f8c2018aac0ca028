import { accessSync, readFileSync } from "node:fs";
import type { OutgoingHttpHeaders } from "node:http";
import type { RequestOptions } from "node:https";
import { isIPv6 } from "node:net";
import { delimiter, dirname, join, resolve } from "node:path";
import type { Cluster, Context, User } from "@kubernetes/client-node";
// One by one: the package as a whole has a class for every kind of object there is, which costs a second and 60 MB.
import { newClusters, newContexts, newUsers } from "@kubernetes/client-node/dist/config_types.js";
import { ExecAuth } from "@kubernetes/client-node/dist/exec_auth.js";
import { FileAuth } from "@kubernetes/client-node/dist/file_auth.js";
import { parse } from "yaml";

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Ports on which an API server speaks HTTP. */
const CLEAR_TEXT_PORTS = ["80", "8080", "8001"];

/** Where the API server is, and as whom it is asked, as a request needs it. */
export type ApiIdentity = Pick<
  RequestOptions,
  "ca" | "cert" | "key" | "servername" | "rejectUnauthorized"
> & { readonly headers: OutgoingHttpHeaders };

interface Authenticator {
  isAuthProvider(user: User): boolean;
  applyAuthentication(user: User, options: RequestOptions): Promise<void>;
}

/** The plain content of one or several kubeconfig files. Source: Kubernetes, client-go's `clientcmd`. */
export class KubeConfig {
  readonly clusters: readonly Cluster[];
  readonly contexts: readonly Context[];
  readonly #users: readonly User[];
  /** Name of the context that counts. */
  currentContext: string;
  /** Tokens are kept by it for as long as they are good. */
  #authenticator: Authenticator | undefined;

  private constructor(parts: Omit<Parts, "currentContext"> & { readonly currentContext: string }) {
    this.clusters = parts.clusters;
    this.contexts = parts.contexts;
    this.#users = parts.users;
    this.currentContext = parts.currentContext;
  }

  /**
   * @param file default: what kubectl takes: the files of `KUBECONFIG`, `~/.kube/config`, or in a Pod its ServiceAccount.
   * @throws Error when a file cannot be read, or two say something of the same name.
   */
  static load(file?: string): KubeConfig {
    if (file !== undefined) return new KubeConfig(readParts(file));
    const { KUBECONFIG = "", HOME = "" } = process.env;
    const files = KUBECONFIG.split(delimiter).filter((each) => each !== "");
    if (files.length > 0) return new KubeConfig(files.map(readParts).reduce(merged));
    const own = join(HOME, ".kube", "config");
    if (HOME !== "" && isThere(own)) return new KubeConfig(readParts(own));
    return new KubeConfig(isThere(`${ACCOUNT}/token`) ? inPod() : NOWHERE);
  }

  /** undefined: there is none of this name. */
  get context(): Context | undefined {
    return this.contexts.find(({ name }) => name === this.currentContext);
  }

  get cluster(): Cluster | undefined {
    const { context } = this;
    return this.clusters.find(({ name }) => name === context?.cluster);
  }

  /** Reads the certificates and the token as they are now. Rejects when one cannot be had. */
  async identity(): Promise<ApiIdentity> {
    const { cluster, context } = this;
    const user = this.#users.find(({ name }) => name === context?.user);
    const identity: RequestOptions & { headers: OutgoingHttpHeaders } = { headers: {} };
    if (cluster?.skipTLSVerify === true) identity.rejectUnauthorized = false;
    if (cluster?.tlsServerName) identity.servername = cluster.tlsServerName;
    const ca = octetsOf(cluster?.caFile, cluster?.caData);
    if (ca !== undefined) identity.ca = ca;
    if (user === undefined) return identity;
    const cert = octetsOf(user.certFile, user.certData);
    const key = octetsOf(user.keyFile, user.keyData);
    if (cert !== undefined) identity.cert = cert;
    if (key !== undefined) identity.key = key;
    if (user.impersonateUser != null) identity.headers["Impersonate-User"] = user.impersonateUser;
    this.#authenticator ??= await authenticatorOf(user);
    await this.#authenticator?.applyAuthentication(user, identity);
    if (user.token) identity.headers["Authorization"] = `Bearer ${user.token}`;
    else if (user.username) {
      const pair = Buffer.from(`${user.username}:${user.password}`).toString("base64");
      identity.headers["Authorization"] = `Basic ${pair}`;
    }
    return identity;
  }
}

interface Parts {
  readonly clusters: readonly Cluster[];
  readonly contexts: readonly Context[];
  readonly users: readonly User[];
  readonly currentContext: string;
}

/** What kubectl takes where nothing is said at all. */
const NOWHERE: Parts = {
  clusters: [{ name: "cluster", server: "http://localhost:8080", skipTLSVerify: false }],
  users: [{ name: "user" }],
  contexts: [{ name: "loaded-context", cluster: "cluster", user: "user" }],
  currentContext: "loaded-context",
};

function readParts(file: string): Parts {
  const text = parse(readFileSync(file, "utf8")) as Readonly<Record<string, unknown>> | null;
  const absolute = (path: string | undefined): string | undefined =>
    path ? resolve(dirname(file), path) : path;
  const clusters = newClusters(text?.["clusters"]);
  for (const each of clusters as { caFile?: string | undefined }[]) each.caFile = absolute(each.caFile);
  const users = newUsers(text?.["users"]);
  for (const each of users as { certFile?: string | undefined; keyFile?: string | undefined }[]) {
    each.certFile = absolute(each.certFile);
    each.keyFile = absolute(each.keyFile);
  }
  const currentContext = String(text?.["current-context"] ?? "");
  return { clusters, users, contexts: newContexts(text?.["contexts"]), currentContext };
}

function merged(one: Parts, other: Parts): Parts {
  return {
    clusters: together("cluster", one.clusters, other.clusters),
    users: together("user", one.users, other.users),
    contexts: together("context", one.contexts, other.contexts),
    currentContext: other.currentContext || one.currentContext,
  };
}

function together<Named extends { readonly name: string }>(
  what: string,
  one: readonly Named[],
  other: readonly Named[],
): readonly Named[] {
  const names = new Set(one.map(({ name }) => name));
  for (const { name } of other) if (names.has(name)) throw new Error(`two files have a ${what} ${name}`);
  return [...one, ...other];
}

/** As the kubelet gives it to Pods. */
function inPod(): Parts {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "" } = process.env;
  const scheme = CLEAR_TEXT_PORTS.includes(port) ? "http" : "https";
  const server = `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const namespaceFile = `${ACCOUNT}/namespace`;
  const namespace = isThere(namespaceFile) ? { namespace: readFileSync(namespaceFile, "utf8") } : {};
  const authProvider = { name: "tokenFile", config: { tokenFile: `${ACCOUNT}/token` } };
  return {
    clusters: [{ name: "inCluster", caFile: `${ACCOUNT}/ca.crt`, server, skipTLSVerify: false }],
    users: [{ name: "inClusterUser", authProvider }],
    contexts: [{ name: "inClusterContext", cluster: "inCluster", user: "inClusterUser", ...namespace }],
    currentContext: "inClusterContext",
  };
}

/** Programs and files are what there is mostly; the ways of single clouds are loaded where a file names them. */
async function authenticatorOf(user: User): Promise<Authenticator | undefined> {
  const simple: Authenticator[] = [new ExecAuth(), new FileAuth()];
  const known = simple.find((each) => each.isAuthProvider(user));
  if (known !== undefined || user.authProvider == null) return known;
  const { AzureAuth } = await import("@kubernetes/client-node/dist/azure_auth.js");
  const { GoogleCloudPlatformAuth } = await import("@kubernetes/client-node/dist/gcp_auth.js");
  const { OpenIDConnectAuth } = await import("@kubernetes/client-node/dist/oidc_auth.js");
  const clouds: Authenticator[] = [new AzureAuth(), new GoogleCloudPlatformAuth(), new OpenIDConnectAuth()];
  return clouds.find((each) => each.isAuthProvider(user));
}

function octetsOf(file: string | undefined, base64: string | undefined): Buffer | undefined {
  if (file) return readFileSync(file);
  return base64 ? Buffer.from(base64, "base64") : undefined;
}

function isThere(file: string): boolean {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
}
