/** A Pod that NetworkPolicies isolate for ingress. */
export interface IsolatedPod {
  /** Of both families. */
  readonly addresses: readonly string[];
  /** Addresses and networks of both families that may open connections to it. */
  readonly from: readonly string[];
}

/**
 * What a network plugin does on a node for NetworkPolicies that isolate its Pods: new connections of others are refused. Those of the node itself
 * are let in, as the rules want it (kubelets probe).
 *
 * @returns a text for `nft -f` that replaces the whole, in one transaction.
 */
export function isolationTable(pods: readonly IsolatedPod[]): string {
  const rules: string[] = [];
  for (const { addresses, from } of pods) {
    for (const address of addresses) {
      const family = address.includes(":") ? "ip6" : "ip";
      const own = from.filter((each) => each.includes(":") === address.includes(":"));
      const others = own.length === 0 ? "" : `${family} saddr != { ${own.join(", ")} } `;
      rules.push(
        `    ct state new ${family} daddr ${address} ${others}meta l4proto tcp reject with tcp reset`,
      );
    }
  }
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
