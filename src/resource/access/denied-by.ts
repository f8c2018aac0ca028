import type { IpAddress } from "../../base/ip-address.ts";
import { isIpv4, parseIpAddress } from "../../base/ip-address.ts";
import type { AccessParty, AccessPeer, AccessPolicy, AccessPort } from "./access-policy.ts";
import { matchesSelector } from "./matches-selector.ts";

/** The label that the API server gives every Namespace, so that a selector can name it. */
const NAMESPACE_NAME = "kubernetes.io/metadata.name";

/**
 * Whether the policies that select one side of a connection let it be with the other. They add up: who is selected by any may have only what some of them
 * allows, and their order is of no meaning; who is selected by none may have everything. Both sides are to be asked, each with its own policies.
 *
 * Source: Kubernetes, "Network Policies": the two sorts of pod isolation; networking/v1 NetworkPolicy.
 *
 * @param policies that select the one side.
 * @param other the other side: who calls for ingress, who is called for egress.
 * @param port that of the pod that is connected to, whatever the Service calls it.
 * @param portNames what its containers call the port; a rule with another name does not allow it.
 * @returns "" where it is allowed, else the name of a policy that selects and does not allow it.
 */
export function deniedBy(
  policies: readonly AccessPolicy[],
  other: AccessParty,
  port: number,
  portNames: readonly string[],
): string {
  for (const { namespace, rules } of policies) {
    const isAllowed = rules.some(
      ({ peers, ports }) =>
        (ports.length === 0 || ports.some((each) => isPort(each, port, portNames))) &&
        (peers.length === 0 || peers.some((peer) => isPeer(peer, namespace, other))),
    );
    if (isAllowed) return "";
  }
  return policies[0]?.name ?? "";
}

function isPort({ protocol, port, endPort }: AccessPort, wanted: number, names: readonly string[]): boolean {
  if (protocol !== "TCP") return false;
  if (port === undefined) return true;
  if (typeof port === "string") return names.includes(port);
  return endPort === undefined ? port === wanted : port <= wanted && wanted <= endPort;
}

function isPeer(
  { podSelector, namespaceSelector, ipBlock }: AccessPeer,
  ownNamespace: string,
  { namespace, labels, namespaceLabels, addresses }: AccessParty,
): boolean {
  if (ipBlock !== undefined) return addresses.some((address) => isInBlock(address, ipBlock));
  if (namespace === "") return false;
  if (namespaceSelector === undefined) {
    if (namespace !== ownNamespace) return false;
  } else {
    const named = { [NAMESPACE_NAME]: namespace, ...namespaceLabels };
    if (!matchesSelector(namespaceSelector, named)) return false;
  }
  return podSelector === undefined || matchesSelector(podSelector, labels);
}

function isInBlock(text: string, { cidr, except }: NonNullable<AccessPeer["ipBlock"]>): boolean {
  const address = parseIpAddress(text);
  if (address === undefined) return false;
  return isInRange(address, cidr) && !except.some((each) => isInRange(address, each));
}

/** As Kubernetes reads it: bits behind the prefix are of no meaning. */
function isInRange(address: IpAddress, cidr: string): boolean {
  const slash = cidr.indexOf("/");
  const base = parseIpAddress(slash < 0 ? cidr : cidr.slice(0, slash));
  if (base === undefined || isIpv4(base) !== isIpv4(address)) return false;
  const width = isIpv4(base) ? 32 : 128;
  const suffix = slash < 0 ? String(width) : cidr.slice(slash + 1);
  if (!/^[0-9]{1,3}$/.test(suffix) || Number(suffix) > width) return false;
  let bits = Number(suffix) + 128 - width;
  for (let i = 0; i < 4 && bits > 0; i++, bits -= 32) {
    const mask = bits >= 32 ? -1 : -1 << (32 - bits);
    if (((address[i]! ^ base[i]!) & mask) !== 0) return false;
  }
  return true;
}
