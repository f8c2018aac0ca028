import type { NodeStatus } from "../../admin/node-status.ts";
import type { Answer } from "./cluster-access.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Finding } from "./finding.ts";
import { bad, good, warning } from "./make-finding.ts";

/** Streams whose client has not answered so many responses hang. */
const MANY_UNANSWERED = 2;

/** What is wrong, or will be, in a cluster as it shows itself; what was looked at and is well, too. */
export function doctorFindings(view: ClusterView): readonly Finding[] {
  return [
    ...podFindings(view),
    ...nodeFindings(view.nodes),
    ...serviceFindings(view),
    ...controlPlaneFindings(view),
  ];
}

function podFindings({ pods, nodes }: ClusterView): Finding[] {
  const findings: Finding[] = [];
  const of = (container: string) => (pods ?? []).filter((pod) => pod.container === container);
  const parts = [
    ["proxy", "proxies"],
    ["control-plane", "control plane"],
  ] as const;
  for (const [container, check] of pods === undefined ? [] : parts) {
    const all = of(container);
    const notReady = all.filter(({ isReady }) => !isReady).map(({ name, phase }) => `${name} ${phase}`);
    if (all.length === 0)
      findings.push(
        bad(
          check,
          [],
          "no Pod is there",
          "install it: docs/install.md; or name its namespace by --system-namespace",
        ),
      );
    else if (notReady.length > 0)
      findings.push(
        bad(
          check,
          notReady,
          `${notReady.length} of ${all.length} Pods are not ready`,
          "kubectl describe pod, and their logs",
        ),
      );
    else findings.push(good(check, `${all.length} of ${all.length} Pods ready`));
  }
  const silent = nodes.filter(({ value }) => value === undefined);
  if (silent.length > 0)
    findings.push(
      bad(
        "proxies",
        silent.map(({ name }) => name),
        `not asked: ${silent[0]!.problem}`,
        pods === undefined
          ? "see that a proxy runs there, and that --admin is its admin.address"
          : "see that the Pod runs, and that you may create pods/exec",
      ),
    );
  return findings;
}

function nodeFindings(nodes: readonly Answer<NodeStatus>[]): Finding[] {
  const known = nodes.flatMap(({ value }) => value ?? []);
  if (known.length === 0) return [];
  const findings: Finding[] = [];
  const report = (
    is: (node: NodeStatus) => boolean,
    make: (where: readonly string[], first: NodeStatus) => Finding,
  ): boolean => {
    const some = known.filter(is);
    if (some.length > 0)
      findings.push(
        make(
          some.map(({ node }) => node),
          some[0]!,
        ),
      );
    return some.length > 0;
  };
  report(
    ({ notReady }) => notReady !== "",
    (where, { notReady }) =>
      bad("ready", where, notReady, "its log names what is missing; new connections go past it meanwhile"),
  );
  const captured = known.filter(({ capture }) => capture !== null);
  const closed = report(
    ({ capture }) => capture !== null && !capture.open,
    (where, { capture }) =>
      bad(
        "capture",
        where,
        `connections go past the proxy: ${capture!.closedBecause}`,
        "docs/capture.md says when that is; kubectl logs -c capture",
      ),
  );
  if (captured.length > 0 && !closed) findings.push(good("capture", `open on ${captured.length} nodes`));
  report(
    ({ capture }) => capture?.inert === true,
    (where) =>
      bad(
        "capture",
        where,
        "captured Pods have traffic, and nothing of it reaches the table",
        "Cilium: set socketLB.hostNamespaceOnly=true; or use the mode address",
      ),
  );
  report(
    ({ capture }) => capture?.open === true && capture.current === capture.generation && !capture.planInForce,
    (where) =>
      warning(
        "capture",
        where,
        "what is wanted is not in the kernel yet",
        "if it stays so: kubectl logs -c capture",
      ),
  );
  report(
    ({ capture }) => (capture?.failOpenSeconds ?? 0) > 0,
    (where, { capture }) =>
      warning(
        "failed open",
        where,
        `${Math.round(capture!.failOpenSeconds)} s since capture began on the first of them`,
        "isobar_capture_fail_open_seconds_total shows when",
      ),
  );
  const linked = known.filter(({ controlPlane }) => controlPlane !== null);
  const away = report(
    ({ controlPlane }) => controlPlane?.connected === false,
    (where, { controlPlane }) =>
      bad(
        "control plane",
        where,
        `no stream to ${controlPlane!.address}; what is known stays in force`,
        "see its Pods and their log; NetworkPolicies must let nodes reach it",
      ),
  );
  if (linked.length > 0 && !away)
    findings.push(good("control plane", `${linked.length} nodes are connected`));
  report(
    ({ controlPlane }) => (controlPlane?.refusedCount ?? 0) > 0,
    (where, { controlPlane }) => {
      const [first] = controlPlane!.refused;
      return bad(
        "refused",
        where,
        `${first?.name ?? "?"}: ${first?.problem ?? ""}; the last good version is in force`,
        "isobar audit log shows who wrote it, isobar rollback takes it back",
      );
    },
  );
  report(
    ({ controlPlane }) => Object.keys(controlPlane?.heldBack ?? {}).length > 0,
    (where, { controlPlane }) =>
      warning(
        "held back",
        where,
        `endpoints of ${Object.keys(controlPlane!.heldBack).join(", ")} vanished at once and are kept for now`,
        "if they are gone on purpose: POST /xds/release",
      ),
  );
  const versions = [...new Set(known.map(({ version }) => version))];
  if (versions.length > 1)
    findings.push(
      warning(
        "versions",
        [],
        `nodes run ${versions.join(" and ")}`,
        "well during an upgrade; otherwise finish the roll-out",
      ),
    );
  else findings.push(good("versions", `all nodes run ${versions[0]}`));
  return findings;
}

function serviceFindings({ nodes, leftAlone }: ClusterView): Finding[] {
  const findings: Finding[] = [];
  const troubles = new Map<string, string>();
  const noEndpoint = new Set<string>();
  const bypassed = new Map<string, number>();
  for (const { value } of nodes)
    for (const service of value?.services ?? []) {
      if (service.trouble !== "") troubles.set(service.name, service.trouble);
      const usable = service.endpoints.filter(
        (each) => each.health === "healthy" && each.setAsideFor.length === 0,
      );
      if (service.endpoints.length > 0 && usable.length === 0) noEndpoint.add(service.name);
      if (service.bypassed > 0)
        bypassed.set(service.name, (bypassed.get(service.name) ?? 0) + service.bypassed);
    }
  for (const [name, trouble] of troubles)
    findings.push(warning("discovery", [name], trouble, "the last good answer is in use"));
  if (noEndpoint.size > 0)
    findings.push(
      bad("endpoints", [...noEndpoint], "none is well", "isobar explain SERVICE says why each is left out"),
    );
  if (bypassed.size > 0) {
    const sum = [...bypassed.values()].reduce((a, b) => a + b, 0);
    findings.push(
      warning(
        "past the proxy",
        [...bypassed.keys()],
        `${sum} connections of captured Pods`,
        "they are moved by 1 % a second; isobar.dev/reclaim=off leaves them",
      ),
    );
  }
  for (const { service, reason, message } of leftAlone ?? [])
    findings.push(warning("not captured", [service], `${reason}: ${message}`, "docs/opting-in.md"));
  return findings;
}

function controlPlaneFindings({ controlPlanes }: ClusterView): Finding[] {
  const findings: Finding[] = [];
  for (const { name, value, problem } of controlPlanes) {
    if (value === undefined) {
      findings.push(bad("control plane", [name], problem, "see its Pod and its log"));
      continue;
    }
    const slow = value.clients.filter(({ types }) => types.some((each) => each.unanswered > MANY_UNANSWERED));
    if (slow.length > 0)
      findings.push(
        warning(
          "control plane",
          slow.map(({ nodeId, peer }) => nodeId || peer),
          `clients of ${name} do not answer what they are sent`,
          "see whether their processors are busy",
        ),
      );
    const lost = value.stats["audit.lost"] ?? 0;
    if (lost > 0)
      findings.push(
        warning(
          "audit",
          [name],
          `${lost} records could not be written`,
          "see the folder of --audit-dir: space, rights",
        ),
      );
  }
  return findings;
}
