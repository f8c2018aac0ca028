/** The numbers the registry gave to one version of a cluster. */
export interface ClusterSlots {
  readonly clusterSlot: number;
  /** In the order of the cluster's endpoints, as are the generations. */
  readonly endpointSlots: Int32Array;
  /** How many endpoints the slot has belonged to, this one included: 1 for the first. */
  readonly endpointGenerations: Int32Array;
}
