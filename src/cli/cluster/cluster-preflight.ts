import { meshOf } from "../../kube/objects/mesh-of.ts";
import type { RawObject } from "../../kube/raw-object.ts";
import { clashesWith } from "./address-clash.ts";
import { ClusterAccess } from "./cluster-access.ts";
import type { ClusterFlags } from "./cluster-options.ts";
import type { Finding } from "./finding.ts";
import { isNewEnough } from "./kernel-finding.ts";
import { bad, good, warning } from "./make-finding.ts";
import { obstaclesOfPods } from "./pod-obstacles.ts";

const NODE_TRIES =
  "nftables of each node is tried only there: isobar doctor --preflight --local, as root of the node or by kubectl debug node/NAME --profile=sysadmin";

/** Which modes will work in a cluster, from what its API server says; nothing is installed or changed. @param namespace whose Pods are looked at; "" none's. */
export async function clusterPreflight(flags: ClusterFlags, namespace: string): Promise<readonly Finding[]> {
  const access = ClusterAccess.open(flags);
  try {
    const nodes = await access.list("/api/v1/nodes");
    const namespaces = await access.list("/api/v1/namespaces");
    // What may not be looked at is not well: the notes say so.
    const findings = [
      ...nodeFindings(nodes ?? []),
      ...(await networkFindings(access)),
      ...(await addressFindings(access, nodes)),
      ...(namespaces === undefined ? [] : namespaceFindings(namespaces, flags.systemNamespace)),
      ...(await policyFindings(access, nodes ?? [], namespace)),
    ];
    const pods = namespace === "" ? undefined : await access.list(`/api/v1/namespaces/${namespace}/pods`);
    if (pods !== undefined) findings.push(...obstaclesOfPods(pods));
    findings.push(...access.notes.map((note) => warning("rights", [], note, "")));
    return findings;
  } finally {
    await access.close();
  }
}

interface RawNodeStatus {
  readonly nodeInfo?: {
    readonly kernelVersion?: string;
    readonly operatingSystem?: string;
    readonly kubeletVersion?: string;
  };
  readonly addresses?: readonly { readonly type?: string; readonly address?: string }[];
}

function nodeFindings(nodes: readonly RawObject[]): Finding[] {
  const old: string[] = [];
  const other: string[] = [];
  const kernels = new Set<string>();
  for (const { metadata, status } of nodes) {
    const { kernelVersion = "", operatingSystem = "linux" } =
      ((status ?? {}) as RawNodeStatus).nodeInfo ?? {};
    const name = metadata?.name ?? "";
    if (operatingSystem !== "linux" && operatingSystem !== "") other.push(name);
    else if (kernelVersion === "") continue;
    else if (isNewEnough(kernelVersion)) kernels.add(kernelVersion.split("-")[0]!);
    else old.push(`${name} ${kernelVersion}`);
  }
  return [
    ...(kernels.size > 0
      ? [good("kernel", `${[...kernels].sort().join(", ")}: transparent can work; ${NODE_TRIES}`)]
      : []),
    ...(old.length > 0
      ? [bad("kernel", old, "older than 5.9", "use the modes address (by status.hostIP) or proxy-env there")]
      : []),
    ...(other.length > 0
      ? [warning("nodes", other, "are not Linux: no proxy runs there", "their Pods call as before")]
      : []),
  ];
}

/** What stands in kube-system of those who carry connections to Services. */
async function networkFindings(access: ClusterAccess): Promise<Finding[]> {
  const maps = await access.list("/api/v1/namespaces/kube-system/configmaps");
  if (maps === undefined) return [];
  const data = (name: string): Readonly<Record<string, string>> | undefined =>
    (maps.find(({ metadata }) => metadata?.name === name) as { data?: Record<string, string> } | undefined)
      ?.data;
  const findings: Finding[] = [];
  const proxy = data("kube-proxy");
  if (proxy !== undefined) {
    const [, mode = ""] = /^[ \t]*mode:[ \t]*"?(\w*)"?/m.exec(proxy["config.conf"] ?? "") ?? [];
    findings.push(good("kube-proxy", `${mode || "iptables (its default)"}: connections fall back to it`));
  }
  const cilium = data("cilium-config");
  if (cilium !== undefined) {
    const replaces = ["true", "strict"].includes(cilium["kube-proxy-replacement"] ?? "");
    const isInSockets = cilium["bpf-lb-sock"] === "true" || (replaces && cilium["bpf-lb-sock"] !== "false");
    const isHostOnly = cilium["bpf-lb-sock-hostns-only"] === "true";
    findings.push(
      isInSockets && !isHostOnly
        ? bad(
            "socket LB",
            [],
            "Cilium decides in the sockets of Pods where connections to Services go: mode transparent captures nothing",
            "set socketLB.hostNamespaceOnly=true in Cilium's values, or use the mode address or proxy-env",
          )
        : good("socket LB", "Cilium leaves the Services' addresses of Pods' connections alone"),
    );
  }
  if (proxy === undefined && cilium === undefined)
    findings.push(
      warning(
        "kube-proxy",
        [],
        "neither it nor Cilium is found in kube-system",
        "find out who carries connections to ClusterIPs: capture stands before it, in prerouting",
      ),
    );
  return findings;
}

async function addressFindings(
  access: ClusterAccess,
  nodes: readonly RawObject[] | undefined,
): Promise<Finding[]> {
  const clashes = new Set<string>();
  const look = (what: string, address: string): void => {
    const own = clashesWith(address);
    if (own !== undefined) clashes.add(`${what} ${address} and our ${own}`);
  };
  for (const { spec, status, metadata } of nodes ?? []) {
    const { podCIDRs = [] } = (spec ?? {}) as { readonly podCIDRs?: readonly string[] };
    for (const range of podCIDRs) look("Pods'", range);
    for (const { address = "" } of ((status ?? {}) as RawNodeStatus).addresses ?? [])
      look(`node ${metadata?.name}`, address);
  }
  const services = await access.list("/api/v1/services");
  for (const { spec, metadata } of services ?? []) {
    const { clusterIPs = [] } = (spec ?? {}) as { readonly clusterIPs?: readonly string[] };
    for (const address of clusterIPs) look(`Service ${metadata?.namespace}/${metadata?.name}`, address);
  }
  if (clashes.size > 0)
    return [
      bad(
        "addresses",
        [...clashes],
        "are used twice",
        "choose others: capture.anyIp and capture.address of the configuration",
      ),
    ];
  if (nodes === undefined || services === undefined) return [];
  return [
    good(
      "addresses",
      "240.18.0.0/16, 169.254.77.1 and fd00:77::/64 are used by no node, Pod range or Service",
    ),
  ];
}

function namespaceFindings(namespaces: readonly RawObject[], systemNamespace: string): Finding[] {
  const findings: Finding[] = [];
  const level = (each: RawObject | undefined): string | undefined =>
    each?.metadata?.labels?.["pod-security.kubernetes.io/enforce"];
  const system = namespaces.find(({ metadata }) => metadata?.name === systemNamespace);
  const enforced = level(system);
  if (enforced !== undefined && enforced !== "privileged")
    findings.push(
      bad(
        "Pod security",
        [systemNamespace],
        `enforces ${enforced}; the proxy needs the node's network, capture NET_ADMIN`,
        `kubectl label namespace ${systemNamespace} pod-security.kubernetes.io/enforce=privileged --overwrite`,
      ),
    );
  const meshes = namespaces.filter(
    (each) =>
      meshOf(each) !== "" ||
      each.metadata?.labels?.["istio-injection"] === "enabled" ||
      each.metadata?.labels?.["istio.io/rev"] !== undefined ||
      each.metadata?.annotations?.["linkerd.io/inject"] === "enabled",
  );
  if (meshes.length > 0)
    findings.push(
      warning(
        "mesh",
        meshes.map(({ metadata }) => metadata?.name ?? ""),
        "their Pods are inside a mesh: they are left alone, and so are Services with an endpoint there",
        "nothing, if that is meant; otherwise take them out of the mesh first",
      ),
    );
  else findings.push(good("mesh", "no namespace is inside Istio or Linkerd"));
  return findings;
}

interface RawPolicy {
  readonly policyTypes?: readonly string[];
  readonly egress?: readonly unknown[];
}

async function policyFindings(
  access: ClusterAccess,
  nodes: readonly RawObject[],
  namespace: string,
): Promise<Finding[]> {
  const within = namespace === "" ? "" : `/namespaces/${namespace}`;
  const policies = await access.list(`/apis/networking.k8s.io/v1${within}/networkpolicies`);
  if (policies === undefined) return [];
  const isolating = new Set<string>();
  for (const { metadata, spec } of policies) {
    const { policyTypes = ["Ingress"] } = (spec ?? {}) as RawPolicy;
    if (policyTypes.includes("Ingress")) isolating.add(metadata?.namespace ?? "");
  }
  if (isolating.size === 0) return [good("NetworkPolicy", "no namespace isolates its Pods against callers")];
  const addresses = nodes.flatMap(({ status }) =>
    (((status ?? {}) as RawNodeStatus).addresses ?? [])
      .filter(({ type }) => type === "InternalIP")
      .map(({ address = "" }) => `{ ipBlock: { cidr: ${address}/${address.includes(":") ? 128 : 32} } }`),
  );
  const shown = addresses.slice(0, 3).join(", ");
  return [
    warning(
      "NetworkPolicy",
      [...isolating],
      "policies isolate Pods; Isobar enforces them for the calling Pod, but connects from the nodes' addresses",
      `let these in, or such Services are not captured: ingress: [{ from: [${shown}${addresses.length > 3 ? `, … ${addresses.length} nodes` : ""}] }]`,
    ),
  ];
}
