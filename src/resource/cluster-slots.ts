/** The numbers the registry gave to one version of a cluster. */
export interface ClusterSlots {
  readonly clusterSlot: number;
  /** In the order of the cluster's endpoints, as are the generations. */
  readonly endpointSlots: Int32Array;
  /** How many endpoints the slot has belonged to, this one included: 1 for the first. */
  readonly endpointGenerations: Int32Array;
}

/** What one version of a cluster has other than the one before: so that whoever keeps something of each endpoint need not look at all of them. */
export interface EndpointChanges {
  /** Endpoints that the version before did not have, by their index in this one. */
  readonly joined: Int32Array;
  /** Slots of endpoints that only the version before had. */
  readonly left: Int32Array;
  /** Endpoints of both that are in another zone now, by their index in this one. */
  readonly moved: Int32Array;
}

/** The numbers, and which endpoints come and go with them. */
export interface AssignedSlots extends ClusterSlots {
  readonly changes: Omit<EndpointChanges, "moved">;
}
