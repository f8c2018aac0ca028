/** A Pod that NetworkPolicies isolate. */
export interface IsolatedPod {
  /** Of both families. */
  readonly addresses: readonly string[];
  /** Addresses and networks of both families that may open connections to it; undefined: everybody. */
  readonly from?: readonly string[];
  /** Those to which it may open connections; undefined: everywhere. */
  readonly to?: readonly string[];
}

/**
 * What a network plugin does on a node for NetworkPolicies that isolate its Pods: new connections that they do not allow are refused. Those of the node itself
 * are let in, as the rules want it (kubelets probe).
 *
 * @returns a text for `nft -f` that replaces the whole, in one transaction.
 */
export function isolationTable(pods: readonly IsolatedPod[]): string {
  const rules = pods.flatMap(({ addresses, from, to }) =>
    addresses.flatMap((address) => [
      ...refusal(address, "daddr", from, "saddr"),
      ...refusal(address, "saddr", to, "daddr"),
    ]),
  );
  return [
    "table inet network_plugin",
    "delete table inet network_plugin",
    "table inet network_plugin {",
    // After the addresses have been translated, as plugins see it.
    "  chain forward {\n    type filter hook forward priority filter; policy accept;",
    ...rules,
    "  }",
    "}\n",
  ].join("\n");
}

function refusal(
  address: string,
  own: string,
  allowed: readonly string[] | undefined,
  other: string,
): readonly string[] {
  if (allowed === undefined) return [];
  const isSix = address.includes(":");
  const family = isSix ? "ip6" : "ip";
  const peers = allowed.filter((each) => each.includes(":") === isSix);
  const others = peers.length === 0 ? "" : `${family} ${other} != { ${peers.join(", ")} } `;
  return [`    ct state new ${family} ${own} ${address} ${others}meta l4proto tcp reject with tcp reset`];
}
