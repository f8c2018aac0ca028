import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import type { buildConnector, Dispatcher } from "undici";
import { Agent, ProxyAgent } from "undici";

type DispatcherOptions = ReturnType<KubeConfig["createDispatcherOptions"]>;

/** Which API server, and as whom. */
export interface KubeConfigChoice {
  /** Default: what kubectl takes: `KUBECONFIG`, `~/.kube/config`, or in a Pod its ServiceAccount. */
  readonly file?: string | undefined;
  /** Default: the file's current one. */
  readonly context?: string | undefined;
}

/** What a request needs beside itself. */
export interface PreparedRequest {
  /** Such as `https://10.96.0.1:443`. */
  readonly origin: string;
  readonly dispatcher: Dispatcher;
  readonly headers: Readonly<Record<string, string>>;
}

const ADVICE = "set KUBECONFIG, or give --kubeconfig and --context";
/** Connection attempts that take longer have failed. */
const CONNECT_MS = 10_000;

/**
 * The way to the API server: addresses, certificates and tokens as kubeconfig files and ServiceAccounts give them. Files are read
 * for every request, because tokens and certificates are replaced while we run.
 */
export class ApiConnection {
  readonly #config = new KubeConfig();
  readonly #origin: string;
  #dispatcher: Dispatcher | undefined;
  /** What the dispatcher was made of. */
  #identity = "";

  /** @throws Error in words for people, when there is no usable configuration. */
  constructor(choice: KubeConfigChoice = {}) {
    const config = this.#config;
    try {
      if (choice.file === undefined) config.loadFromDefault();
      else config.loadFromFile(choice.file);
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      throw new Error(
        `kubeconfig: found none that can be read (${found}), wanted a file; ${choice.file === undefined ? ADVICE : "name another one"}`,
        {
          cause: error,
        },
      );
    }
    if (choice.context !== undefined) {
      if (config.getContextObject(choice.context) === null) {
        const known = config.getContexts().map(({ name }) => name);
        throw new Error(
          `kubeconfig: found no context "${choice.context}", wanted one of ${known.join(", ")}`,
        );
      }
      config.setCurrentContext(choice.context);
    }
    const cluster = config.getCurrentCluster();
    if (cluster === null) {
      throw new Error(`kubeconfig: found no current cluster, wanted a context with a cluster; ${ADVICE}`);
    }
    if (cluster.proxyUrl?.startsWith("socks") === true) {
      throw new Error(`kubeconfig: found proxy-url ${cluster.proxyUrl}, wanted an http:// or https:// proxy`);
    }
    this.#origin = cluster.server.replace(/\/+$/, "");
  }

  /** Where the API server is. */
  get origin(): string {
    return this.#origin;
  }

  /** The namespace that the configuration names: of the context, in a Pod its own. */
  get namespace(): string {
    return this.#config.getContextObject(this.#config.getCurrentContext())?.namespace ?? "default";
  }

  /** @returns what the next request goes with. Rejects when a token cannot be had. */
  async prepare(): Promise<PreparedRequest> {
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const headers: Record<string, string> = { "user-agent": "isobar-control-plane" };
    for (const [name, value] of Object.entries(options.headers ?? {}))
      headers[name.toLowerCase()] = String(value);
    const basic =
      options.auth == null ? {} : { authorization: `Basic ${Buffer.from(options.auth).toString("base64")}` };
    return {
      origin: this.#origin,
      dispatcher: this.#dispatcherFor(options),
      headers: { ...headers, ...basic },
    };
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    await this.#dispatcher?.destroy();
    this.#dispatcher = undefined;
  }

  #dispatcherFor(options: RequestOptions): Dispatcher {
    const { ca, cert, key, servername, rejectUnauthorized } = options;
    const identity = JSON.stringify([ca, cert, key, servername, rejectUnauthorized].map(String));
    if (this.#dispatcher !== undefined && identity === this.#identity) return this.#dispatcher;
    // Watches under way end on the old certificates, at the latest when their time is over.
    void this.#dispatcher?.close().catch(() => {});
    const wanted = this.#config.createDispatcherOptions(this.#config.getCurrentCluster(), {
      ca,
      cert,
      key,
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    });
    this.#dispatcher =
      wanted.type === "proxy"
        ? new ProxyAgent({
            uri: wanted.uri,
            requestTls: wanted.requestTls as buildConnector.BuildOptions,
            connectTimeout: CONNECT_MS,
          })
        : new Agent({ connect: { ...tlsOf(wanted), timeout: CONNECT_MS } });
    this.#identity = identity;
    return this.#dispatcher;
  }
}

/** The names are undici's own; only its types are stricter about what is undefined. */
function tlsOf(wanted: DispatcherOptions): Partial<buildConnector.BuildOptions> {
  return wanted.type === "agent" ? (wanted.connect as Partial<buildConnector.BuildOptions>) : {};
}
