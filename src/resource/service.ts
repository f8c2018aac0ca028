import type { Cluster } from "./cluster.ts";
import type { Route } from "./route.ts";
import type { ServiceObjectives } from "./service-objectives.ts";

/** What made a service what it is now: the object of Kubernetes whose change was taken up last. */
export interface ChangeCause {
  /** `Kind namespace/name`, or the path of a file. */
  readonly object: string;
  /** As the API server numbers versions; "" where there is none. */
  readonly resourceVersion: string;
  /** `ADDED`, `MODIFIED` or `DELETED`, as a watch says it. */
  readonly verb: string;
  /** Who wrote it last, as `managedFields` names them; "" when not known. */
  readonly fieldManager: string;
}

/** A service as its callers know it: its names, its endpoints and what is done with requests for it. Immutable. */
export interface ServiceModel {
  /** Canonical and in lower case, such as `echo.default:50051`: equal to the name of {@link cluster}, and what it is called over xDS. */
  readonly name: string;
  /**
   * Every spelling of `:authority` a caller may use, the canonical name among them, in lower case and without repetition. No two
   * services share one.
   */
  readonly authorities: readonly string[];
  readonly cluster: Cluster;
  /** What is done with requests for these authorities; of several that match the first counts. None: all go to the cluster. */
  readonly routes: readonly Route[];
  /** Whether requests that no route matches are for nobody: they fail with UNIMPLEMENTED. Default: they go to the cluster. */
  readonly routesOnly?: boolean;
  /**
   * Whether few endpoints, or none, are meant, so that proxies need not wait before they believe it; default: not known. A source sets it
   * where it knows why they went, such as a file that says so or a workload scaled to nothing.
   */
  readonly deliberate?: boolean;
  /** Whether it is one with the services of its name in other clusters, where they say so too. Default: not. */
  readonly global?: boolean;
  /** What it promises, for metrics and alerts; default: nothing was said. */
  readonly slo?: ServiceObjectives;
  /** For the audit; undefined when the source knows no causes. */
  readonly cause?: ChangeCause;
}
