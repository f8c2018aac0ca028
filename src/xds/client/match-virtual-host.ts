import type { VirtualHost } from "../resources/xds-resource.ts";

/** How well a domain fits: exact before the longest suffix, that before the longest prefix, that before `*`. */
function fitOf(domain: string, authority: string): number {
  if (domain === authority) return 3_000_000;
  if (domain === "*") return 1;
  if (domain.startsWith("*") && authority.length >= domain.length && authority.endsWith(domain.slice(1))) {
    return 2_000_000 + domain.length;
  }
  if (
    domain.endsWith("*") &&
    authority.length >= domain.length &&
    authority.startsWith(domain.slice(0, -1))
  ) {
    return 1_000_000 + domain.length;
  }
  return 0;
}

/**
 * Source: Envoy, VirtualHost.domains; gRFC A27.
 *
 * @param authority in lower case.
 * @returns the index of the virtual host for it, -1 when there is none.
 */
export function matchVirtualHost(hosts: readonly VirtualHost[], authority: string): number {
  let best = 0;
  let found = -1;
  for (const [index, { domains }] of hosts.entries()) {
    for (const domain of domains) {
      const fit = fitOf(domain, authority);
      if (fit <= best) continue;
      best = fit;
      found = index;
    }
  }
  return found;
}
