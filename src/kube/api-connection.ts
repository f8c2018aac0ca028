import type { buildConnector, Dispatcher } from "undici";
import { Agent, ProxyAgent } from "undici";
import type { ApiIdentity } from "./kube-config.ts";
import { KubeConfig } from "./kube-config.ts";

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
  readonly #config: KubeConfig;
  readonly #proxyUrl: string | undefined;
  readonly #origin: string;
  #dispatcher: Dispatcher | undefined;
  /** What the dispatcher was made of. */
  #identity = "";

  /** @throws Error in words for people, when there is no usable configuration. */
  constructor(choice: KubeConfigChoice = {}) {
    let config: KubeConfig;
    try {
      config = KubeConfig.load(choice.file);
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
      const known = config.contexts.map(({ name }) => name);
      if (!known.includes(choice.context)) {
        throw new Error(
          `kubeconfig: found no context "${choice.context}", wanted one of ${known.join(", ")}`,
        );
      }
      config.currentContext = choice.context;
    }
    const { cluster } = config;
    if (cluster === undefined) {
      throw new Error(`kubeconfig: found no current cluster, wanted a context with a cluster; ${ADVICE}`);
    }
    const { proxyUrl, server, skipTLSVerify } = cluster;
    if (proxyUrl?.startsWith("socks") === true) {
      throw new Error(`kubeconfig: found proxy-url ${proxyUrl}, wanted an http:// or https:// proxy`);
    }
    if (server.startsWith("http:") && !skipTLSVerify && !proxyUrl) {
      throw new Error(
        `kubeconfig: found server ${server}, wanted https://, or insecure-skip-tls-verify: true beside it: tokens would be there for everybody to read; ${ADVICE}`,
      );
    }
    this.#config = config;
    this.#proxyUrl = proxyUrl || undefined;
    this.#origin = server.replace(/\/+$/, "");
  }

  /** Where the API server is. */
  get origin(): string {
    return this.#origin;
  }

  /** The namespace that the configuration names: of the context, in a Pod its own. */
  get namespace(): string {
    return this.#config.context?.namespace ?? "default";
  }

  /** @returns what the next request goes with. Rejects when a token cannot be had. */
  async prepare(): Promise<PreparedRequest> {
    const identity = await this.#config.identity();
    const headers: Record<string, string> = { "user-agent": "isobar-control-plane" };
    for (const [name, value] of Object.entries(identity.headers)) headers[name.toLowerCase()] = String(value);
    return { origin: this.#origin, dispatcher: this.#dispatcherFor(identity), headers };
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    await this.#dispatcher?.destroy();
    this.#dispatcher = undefined;
  }

  #dispatcherFor({ headers: _, ...tls }: ApiIdentity): Dispatcher {
    const identity = JSON.stringify(Object.entries(tls).map(String));
    if (this.#dispatcher !== undefined && identity === this.#identity) return this.#dispatcher;
    // Watches under way end on the old certificates, at the latest when their time is over.
    void this.#dispatcher?.close().catch(() => {});
    const options = tls as buildConnector.BuildOptions;
    this.#dispatcher =
      this.#proxyUrl === undefined
        ? new Agent({ connect: { ...options, timeout: CONNECT_MS } })
        : new ProxyAgent({ uri: this.#proxyUrl, requestTls: options, connectTimeout: CONNECT_MS });
    this.#identity = identity;
    return this.#dispatcher;
  }
}
