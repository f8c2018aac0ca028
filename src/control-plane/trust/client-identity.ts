/** Who a client has proved to be, by a token or by a certificate. */
export interface ClientIdentity {
  /** For people: `ServiceAccount isobar-system/isobar-proxy, Pod isobar-x7, node n7`. */
  readonly who: string;
  /** ServiceAccount, `namespace/name`; "" where a certificate names none. */
  readonly account: string;
  /** Names of its certificate, such as `URI:spiffe://a/b` or `DNS:c`; none with a token. */
  readonly names: readonly string[];
  /** The Pod it runs in; undefined where that is not said. */
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string } | undefined;
  /** The node it runs on; "" where that is not said. */
  readonly node: string;
  /** Until when the proof is good, in milliseconds since 1970; NaN where a certificate's connection is what counts. */
  readonly expiresMs: number;
}

const MAX_SHOWN = 200;

/** @returns the identity with what people are told of it. */
export function clientIdentity(proved: Omit<ClientIdentity, "who">): ClientIdentity {
  const { account, names, pod, node } = proved;
  const parts = [
    account === "" ? names.join(", ").slice(0, MAX_SHOWN) : `ServiceAccount ${account}`,
    ...(pod === undefined ? [] : [`Pod ${pod.namespace}/${pod.name}`]),
    ...(node === "" ? [] : [`node ${node}`]),
  ];
  return { who: parts.join(", "), ...proved };
}
