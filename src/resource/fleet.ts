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
  /** Share of the traffic that comes through this proxy, 0 to 1; default `1 / nodeCount`. */
  readonly trafficShare?: number | undefined;
}
