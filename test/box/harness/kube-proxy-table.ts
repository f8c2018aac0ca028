/** A port of a Service as kube-proxy knows it. */
export interface TableService {
  /** ClusterIPs, IPv4 and IPv6. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly targetPort: number;
  /** Addresses of the endpoints, of both families. */
  readonly endpoints: readonly string[];
}

/**
 * What kube-proxy does on a node, in the way of its nftables mode: a new connection to a ClusterIP goes to an endpoint by chance and stays
 * there; where there is none it is refused.
 *
 * @returns a text for `nft -f` that replaces the whole, in one transaction.
 */
export function kubeProxyTable(services: readonly TableService[]): string {
  return ["ip", "ip6"].map((family) => familyTable(family as "ip" | "ip6", services)).join("");
}

function familyTable(family: "ip" | "ip6", services: readonly TableService[]): string {
  const isOfFamily = (address: string): boolean => address.includes(":") === (family === "ip6");
  const chains: string[] = [];
  const rules: string[] = [];
  const refused: string[] = [];
  for (const [index, { addresses, port, targetPort, endpoints }] of services.entries()) {
    const own = endpoints.filter(isOfFamily);
    for (const address of addresses.filter(isOfFamily)) {
      const match = `${family} daddr ${address} tcp dport ${port}`;
      if (own.length === 0) refused.push(`    ${match} reject with tcp reset`);
      else rules.push(`    ${match} goto service_${index}`);
    }
    if (own.length === 0) continue;
    const turns = own.map((_, at) => `${at} : goto endpoint_${index}_${at}`).join(", ");
    for (const [at, address] of own.entries()) {
      const target = family === "ip" ? `${address}:${targetPort}` : `[${address}]:${targetPort}`;
      chains.push(`  chain endpoint_${index}_${at} {\n    meta l4proto tcp dnat to ${target}\n  }`);
    }
    chains.push(`  chain service_${index} {\n    numgen random mod ${own.length} vmap { ${turns} }\n  }`);
  }
  const name = `${family} kube_proxy`;
  return [
    `table ${name}`,
    `delete table ${name}`,
    `table ${name} {`,
    ...chains,
    "  chain services {",
    ...rules,
    "  }",
    "  chain prerouting {\n    type nat hook prerouting priority dstnat; policy accept;\n    jump services\n  }",
    "  chain output {\n    type nat hook output priority -100; policy accept;\n    jump services\n  }",
    "  chain forward {\n    type filter hook forward priority filter; policy accept;",
    ...refused,
    "  }",
    "}\n",
  ].join("\n");
}
