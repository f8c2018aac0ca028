/** A client's stream, as far as it is audited. */
export interface AuditedStream {
  /** Unique in the process. */
  readonly id: number;
  readonly node: string;
  /** `isobar`, `envoy` or `grpc`. */
  readonly client: string;
  /** `sotw` or `delta`. */
  readonly transport: string;
  readonly peer: string;
  readonly agent: string;
  readonly region: string;
  readonly zone: string;
}
