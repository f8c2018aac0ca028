import type { CallerAccess } from "./access/access-policy.ts";

/** How a pod's calls come to the proxy of its node. Source: the annotation `isobar.dev/mode`. */
export const CALLER_MODES = ["off", "address", "proxy-env", "transparent"] as const;

/** One of {@link CALLER_MODES}. */
export type CallerMode = (typeof CALLER_MODES)[number];

/** A pod as one that calls: who stands behind a source address. Immutable. */
export interface Caller {
  /** Of the pod: an address has another owner within seconds, a UID never. */
  readonly uid: string;
  readonly namespace: string;
  /** Its name. */
  readonly pod: string;
  /** Its ServiceAccount's name, within its namespace. */
  readonly serviceAccount: string;
  /** What made it, such as `Deployment/checkout`; "" for a pod that nobody manages. */
  readonly workload: string;
  /** IP literals as the API server writes them, one per family; none while it has none. */
  readonly addresses: readonly string[];
  /** `off` where it is not opted in, or not among the percent of its namespace that are. */
  readonly mode: CallerMode;
  /** Whether its captured connections are refused, and not let past, while no proxy works. */
  readonly failClosed: boolean;
  /** Whether its connections that went past the proxy may be reset so that they come back through it. */
  readonly reclaim: boolean;
  /** What NetworkPolicies say of it, and look at; undefined: nothing. */
  readonly access?: CallerAccess | undefined;
}
