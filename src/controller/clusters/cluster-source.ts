import type { ServiceSource } from "../../resource/service-source.ts";

/** One of several clusters, as a source of services. */
export interface ClusterSource extends ServiceSource {
  /** The cluster's name. */
  readonly name: string;
  /** Regions of its nodes. */
  readonly regions: ReadonlySet<string>;
  /** Whether its API cannot be reached, so that what is known of it may be old. */
  readonly isLost: boolean;
}
