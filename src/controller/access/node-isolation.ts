import { objectKey } from "../../kube/kube-object.ts";
import type { EndpointSliceObject } from "../../kube/objects/endpoint-slice-object.ts";
import type { ServiceObject, ServicePort } from "../../kube/objects/service-object.ts";
import type { AccessPolicy } from "../../resource/access/access-policy.ts";
import { deniedBy } from "../../resource/access/denied-by.ts";
import type { LeftAlone } from "../capture/capture-condition.ts";
import type { ClusterObjects } from "../cluster-objects.ts";
import type { AccessBook } from "./access-book.ts";

/** Addresses that a condition names; the rest are meant by "and the others". */
const MOST_NAMED = 3;

/**
 * Whether proxies may connect to all endpoints of a Service from where they are, which is their nodes' addresses: policies see those, and not the Pod that calls. Where they may not,
 * or where it cannot be known, the Service is left to the network, which keeps its policies by itself.
 *
 * @param proxies addresses of all proxies; none: not known.
 */
export function nodeIsolation(
  service: ServiceObject,
  ports: readonly ServicePort[],
  slices: readonly EndpointSliceObject[],
  proxies: readonly string[],
  book: AccessBook,
  { pods }: Pick<ClusterObjects, "pods">,
): LeftAlone | undefined {
  const { namespace } = service;
  if (!book.mattersTo(namespace)) return undefined;
  for (const { endpoints, ports: slicePorts } of slices) {
    for (const { address, pod, uid } of endpoints) {
      const object =
        pod === "" || book.isNode(address) ? undefined : pods.get(objectKey({ namespace, name: pod }));
      if (object === undefined || object.uid !== uid) continue;
      const policies = book.ingressOf(namespace, object.labels);
      if (policies.length === 0) continue;
      for (const { name, targetName } of ports) {
        const { port = 0 } = slicePorts.find((each) => each.name === name) ?? {};
        const left = portIsolation(policies, pod, port, targetName, proxies);
        if (left !== undefined) return left;
      }
    }
  }
  return undefined;
}

function portIsolation(
  policies: readonly AccessPolicy[],
  pod: string,
  port: number,
  targetName: string,
  proxies: readonly string[],
): LeftAlone | undefined {
  const named = targetName === "" ? policies.find(namesPort) : undefined;
  if (named !== undefined) {
    return {
      reason: "PolicyNotUnderstood",
      message: `NetworkPolicy ${named.name}: found a port by its name, wanted its number, or the Service's targetPort to be that name: which port of Pod ${pod} is meant is not known here; the Service is left to the network`,
    };
  }
  const names = targetName === "" ? [] : [targetName];
  const sources = proxies.length > 0 ? proxies.map((address) => [address]) : [[]];
  const isolated = sources.flatMap((addresses) => {
    const proxy = { namespace: "", labels: {}, namespaceLabels: {}, addresses };
    const policy = deniedBy(policies, proxy, port, names);
    return policy === "" ? [] : [{ policy, addresses }];
  });
  if (isolated.length === 0) return undefined;
  const from = isolated.flatMap(({ addresses }) => addresses);
  const blocks = from.slice(0, MOST_NAMED).map((address) => `{ipBlock: {cidr: ${hostRange(address)}}}`);
  const others = from.length > MOST_NAMED ? " (and the others of all nodes)" : "";
  const peers = blocks.length === 0 ? "{ipBlock: {cidr: ADDRESSES-OF-YOUR-NODES}}" : blocks.join(", ");
  return {
    reason: "IsolatedFromNodes",
    message: `NetworkPolicy ${isolated[0]!.policy}: found that it does not let proxies connect to Pod ${pod} from their nodes' addresses, wanted this beside its ingress rules, under which the proxies keep to the others for every caller: - {from: [${peers}]${others}, ports: [{protocol: TCP, port: ${port}}]}; until then the Service is left to the network`,
  };
}

function hostRange(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}

function namesPort({ rules }: AccessPolicy): boolean {
  return rules.some(({ ports }) => ports.some(({ port }) => typeof port === "string"));
}
