import type { ClientIdentity } from "./client-identity.ts";

/** What somebody is here. */
export type ClientRole =
  /** The proxy of the node it runs on. */
  | { readonly kind: "proxy" }
  /** Another replica of this control plane. */
  | { readonly kind: "replica" }
  /** Somebody who may ask for what was written down for it. */
  | { readonly kind: "listed"; readonly services: readonly string[] }
  /** A program in a Pod that asks for itself. */
  | { readonly kind: "pod"; readonly namespace: string };

/** A client that was written down. */
export interface ListedClient {
  readonly serviceAccount?: string | undefined;
  readonly subjectAltName?: string | undefined;
  readonly services: readonly string[];
}

/** Who is what: proxies by their ServiceAccount, others by a list, and programs in Pods by their namespace. */
export class ClientRoles {
  readonly #proxyAccounts: ReadonlySet<string>;
  readonly #replicaAccount: string;
  readonly #isNamespaceIn: (namespace: string) => boolean;
  readonly #services = new Map<string, readonly string[]>();
  readonly #onChange = new Set<() => void>();

  /**
   * @param proxyAccounts `namespace/name`.
   * @param isNamespaceIn whether the Pods of a namespace are opted in.
   * @param replicaAccount the control plane's own, likewise; "": there are no other replicas.
   */
  constructor(
    proxyAccounts: readonly string[],
    isNamespaceIn: (namespace: string) => boolean,
    replicaAccount: string = "",
  ) {
    this.#replicaAccount = replicaAccount;
    this.#proxyAccounts = new Set(proxyAccounts);
    this.#isNamespaceIn = isNamespaceIn;
  }

  /** ServiceAccounts of proxies. */
  get proxyAccounts(): Iterable<string> {
    return this.#proxyAccounts;
  }

  /** From now on these are listed, and no others. One that stands there twice may ask for both. */
  list(clients: readonly ListedClient[]): void {
    this.#services.clear();
    for (const { serviceAccount, subjectAltName = "", services } of clients) {
      const names =
        serviceAccount === undefined ? [`URI:${subjectAltName}`, `DNS:${subjectAltName}`] : [serviceAccount];
      for (const name of names) this.#services.set(name, [...(this.#services.get(name) ?? []), ...services]);
    }
    for (const call of [...this.#onChange]) call();
  }

  /** @returns undefined for somebody who is nobody here. */
  of({ account, names }: ClientIdentity): ClientRole | undefined {
    if (this.#proxyAccounts.has(account)) return { kind: "proxy" };
    if (account !== "" && account === this.#replicaAccount) return { kind: "replica" };
    const services = [account, ...names].flatMap((name) => this.#services.get(name) ?? []);
    if (services.length > 0) return { kind: "listed", services };
    const namespace = account.slice(0, account.indexOf("/"));
    return namespace !== "" && this.#isNamespaceIn(namespace) ? { kind: "pod", namespace } : undefined;
  }

  /** @returns ends it. */
  watch(onChange: () => void): () => void {
    this.#onChange.add(onChange);
    return () => this.#onChange.delete(onChange);
  }
}
