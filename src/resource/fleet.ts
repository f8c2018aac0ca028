/**
 * This proxy's place among those that send to the same services. It only helps to share the endpoints out: callers that are no proxies of
 * the fleet may send as well.
 */
export interface Fleet {
  /** From 0 to `nodeCount - 1`, each number once in the fleet. */
  readonly nodeIndex: number;
  readonly nodeCount: number;
  /** The same among the proxies of the own zone; both or none. Without them zones are not cut into subsets. */
  readonly zoneIndex?: number | undefined;
  readonly zoneCount?: number | undefined;
  /**
   * A hash of each proxy's name, by index, of the fleet and of the zone: what a proxy keeps when the numbers of others change. Default: made from the
   * numbers, which is as good where nobody's number changes.
   */
  readonly members?: Uint32Array | undefined;
  readonly zoneMembers?: Uint32Array | undefined;
  /** Share of the traffic that comes through this proxy, 0 to 1; default `1 / nodeCount`. */
  readonly trafficShare?: number | undefined;
}
