/** A value that a report does not have. */
export const NOT_REPORTED = -1;

/** The most that is believed of a utilization: figures far above 1 are of another unit. */
export const MAX_UTILIZATION = 100;
/** The most that is believed of a rate per second. */
export const MAX_RATE = 1e9;

/**
 * What an endpoint says of its load: the part of an ORCA report that balancing uses. One object is filled again and again; who wants
 * to keep something copies it. Every value is 0 or more, or {@link NOT_REPORTED}; on the wire 0 cannot be told from absent.
 *
 * Source: xds.data.orca.v3.OrcaLoadReport; gRFC A51, A58, A114.
 */
export interface LoadReport {
  /** What balancing goes by: the application's own, else the largest of the metrics asked for by name, else the CPU's. 1 is full. */
  utilization: number;
  /** Requests per second that the endpoint serves in all, from whomever. */
  qps: number;
  /** Errors per second among them. */
  eps: number;
  /** CPU as a share of what it may use; above 1 when it uses more than its soft limit. */
  cpu: number;
  /** Memory as a share of what it may use, 0 to 1. */
  memory: number;
  /** Network throughput it has to offer, in Mbit/s: its `named_metrics.network`. */
  network: number;
}

/** @returns a report that says nothing. */
export function emptyLoadReport(): LoadReport {
  return {
    utilization: NOT_REPORTED,
    qps: NOT_REPORTED,
    eps: NOT_REPORTED,
    cpu: NOT_REPORTED,
    memory: NOT_REPORTED,
    network: NOT_REPORTED,
  };
}
