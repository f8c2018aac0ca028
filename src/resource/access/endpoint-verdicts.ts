import type { AccessParty, CallerAccess, ServiceAccess } from "./access-policy.ts";
import { deniedBy } from "./denied-by.ts";

/** A pod that calls, as policies see it. */
export interface AccessCaller extends CallerAccess {
  readonly namespace: string;
  readonly addresses: readonly string[];
}

/** What is known of a service where nothing was said of its endpoints. */
const UNKNOWN: ServiceAccess = { ingress: [], classes: [], members: {}, portNames: [] };

/**
 * Which endpoints of a service a pod may connect to, by the policies of both sides. A connection needs leave on both.
 *
 * @param access undefined where no policy selects an endpoint: then only what selects the caller counts.
 * @returns a judge of endpoints: "" where the caller may connect, else the name of a policy against it. undefined where nothing restricts anything.
 */
export function endpointVerdicts(
  caller: AccessCaller,
  access: ServiceAccess | null,
): ((address: string, port: number) => string) | undefined {
  const { egress } = caller;
  const { ingress, classes, members, portNames } = access ?? UNKNOWN;
  if (egress.length === 0 && classes.every((each) => each.ingress.length === 0)) return undefined;
  const known = new Map<string, string>();
  return (address, port) => {
    const index = Object.hasOwn(members, address) ? members[address]! : 0;
    const of = classes[index];
    // Ports differ from slice to slice at most, and addresses count where a policy names them.
    const key = egress.length === 0 ? `${index} ${port}` : `${address} ${port}`;
    let verdict = known.get(key);
    if (verdict === undefined) {
      const policies = (of?.ingress ?? []).flatMap((each) => ingress[each] ?? []);
      const called: AccessParty = {
        namespace: of?.namespace ?? "",
        labels: of?.labels ?? {},
        namespaceLabels: of?.namespaceLabels ?? {},
        addresses: [address],
      };
      verdict = deniedBy(egress, called, port, portNames) || deniedBy(policies, caller, port, portNames);
      known.set(key, verdict);
    }
    return verdict;
  };
}
