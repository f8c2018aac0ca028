import type { ContainerResources, PodContainer } from "./admission-review.ts";

/** What waiting takes, with room: 56 MB were measured. */
const MEMORY = "128Mi";
const NAMES = ["cpu", "memory"];
const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/**
 * What the waiting container asks for: what the Pod's largest container does. Its namespace has accepted that (LimitRange), and has to count it (ResourceQuota) anyway, since of
 * containers that run one after the other the most counts. A Pod that says nothing is accepted without.
 */
export function waitResources(containers: readonly PodContainer[]): ContainerResources | undefined {
  let largest: ContainerResources | undefined;
  for (const { resources } of containers) {
    if (resources !== undefined && resources !== null && memoryOf(resources) >= memoryOf(largest))
      largest = resources;
  }
  if (largest === undefined) return undefined;
  const limits = ownOf(largest.limits);
  if (limits["memory"] !== undefined && octetsOf(limits["memory"]) < octetsOf(MEMORY))
    limits["memory"] = MEMORY;
  const requests = ownOf(largest.requests);
  if (Object.keys(limits).length === 0 && Object.keys(requests).length === 0) return undefined;
  return { limits, requests };
}

/** Devices and the like are the program's alone. */
function ownOf(amounts: ContainerResources["limits"]): Record<string, string> {
  const own = Object.entries(amounts ?? {}).filter(([name]) => NAMES.includes(name));
  return Object.fromEntries(own.map(([name, amount]) => [name, String(amount)]));
}

/** One without a limit comes after those that have one: what is written down is known to be accepted. */
function memoryOf(resources: ContainerResources | undefined): number {
  if (resources === undefined) return -1;
  const limit = resources.limits?.["memory"];
  return limit === undefined ? 0 : octetsOf(limit);
}

/** @returns 0 for what is no quantity. Source: Kubernetes API, resource.Quantity. */
function octetsOf(quantity: string | number): number {
  const [, number, suffix = ""] = /^([\d.]+(?:[eE][+-]?\d+)?)([A-Za-z]*)$/.exec(String(quantity)) ?? [];
  return Number(number ?? 0) * (FACTORS[suffix] ?? 0);
}
