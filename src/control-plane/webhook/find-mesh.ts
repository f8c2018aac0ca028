import type { IncomingPod } from "./admission-review.ts";

/** Annotations and labels by which a Pod says that it is, or will be, in a mesh. */
const MARKS: readonly (readonly [key: string, value: RegExp, mesh: string])[] = [
  ["sidecar.istio.io/status", /./, "Istio"],
  ["sidecar.istio.io/inject", /^true$/, "Istio"],
  ["istio.io/dataplane-mode", /^ambient$/, "Istio"],
  ["linkerd.io/proxy-version", /./, "Linkerd"],
  ["linkerd.io/inject", /^(?:enabled|ingress)$/, "Linkerd"],
];
const SIDECARS: Readonly<Record<string, string>> = { "istio-proxy": "Istio", "linkerd-proxy": "Linkerd" };

/** @returns why the Pod counts as one of another mesh, which then has its calls; undefined if it is in none. */
export function findMesh({ metadata, spec }: IncomingPod): string | undefined {
  for (const { name } of [...spec.containers, ...(spec.initContainers ?? [])]) {
    const mesh = SIDECARS[name];
    if (mesh !== undefined) return `it is in ${mesh} (container ${name})`;
  }
  for (const [key, wanted, mesh] of MARKS) {
    const value = metadata.annotations?.[key] ?? metadata.labels?.[key];
    if (value !== undefined && wanted.test(value)) return `it is in ${mesh} (${key})`;
  }
  return undefined;
}
