/** How a program finds services; see docs/sdk.md. What is left out comes from the environment, then from the default. */
export interface ClientOptions {
  /**
   * Control planes, `host:port` each; the first that answers is used. `ISOBAR_CONTROL_PLANE`, with commas between them. Default none: every call
   * goes to {@link address}.
   */
  readonly controlPlane?: string | readonly string[];
  /** Speaks clear text with the control plane. `ISOBAR_INSECURE=true`. Default false. */
  readonly insecure?: boolean;
  /** PEM file of the authorities that the control plane's certificate may be of. `ISOBAR_CA_FILE`. Default: the system's. */
  readonly caFile?: string;
  /** PEM files of a certificate of our own, for mutual TLS. `ISOBAR_CERT_FILE`, `ISOBAR_KEY_FILE`. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Name in the control plane's certificate. `ISOBAR_SERVER_NAME`. Default: the host of its address. */
  readonly serverName?: string;
  /** File with a token that the control plane knows this program by, read anew for every stream. `ISOBAR_TOKEN_FILE`. Never sent in clear text. */
  readonly tokenFile?: string;
  /**
   * `host:port` of the proxy of this node, where calls go as long as no control plane has said where else. `ISOBAR_ADDRESS`; default: the address in
   * `NODE_IP` (of `status.hostIP`), port 15001; none where that is not set. "" for none.
   */
  readonly address?: string;
  /** How long the first calls for a service wait for a control plane, in ms; 10 to 60,000. `ISOBAR_FALLBACK_AFTER_MS`. Default 2,000. */
  readonly fallbackAfterMs?: number;
  /** The node, zone and region this program runs in. `ISOBAR_NODE`, `ISOBAR_ZONE`, `ISOBAR_REGION`. Default "": not known. */
  readonly node?: string;
  readonly zone?: string;
  readonly region?: string;
  /** What the control plane lists this program as. `ISOBAR_ID`. Default: host name and process id. */
  readonly id?: string;
  /** File in which what is known is kept for the next start; one for each process. `ISOBAR_SNAPSHOT_FILE`. Default none. */
  readonly snapshotFile?: string;
  /** How long endpoints from that file are used that no control plane confirms, in ms. `ISOBAR_MAX_STALE_MS`. Default one hour. */
  readonly maxStaleMs?: number;
  /** How long endpoints stay that an update takes away which guts a service, in ms; 0 is off. `ISOBAR_HOLD_BACK_MS`. Default 10,000. */
  readonly holdBackMs?: number;
  /** Share of the picks that is recorded for `explain`, 0 to 1. `ISOBAR_EXPLAIN_SAMPLE`. Default 0. */
  readonly explainSample?: number;
  /** Number that chance begins with, so that a test can be repeated. Default: another one in each process. */
  readonly seed?: number;
  /** Takes what a person should know. Default: warnings and errors go to stderr, as JSON lines. */
  readonly log?: (level: "debug" | "info" | "warn" | "error", message: string, fields: object) => void;
}

/** {@link ClientOptions} with everything decided; "" for what there is none of. */
export interface ClientSettings {
  readonly controlPlane: readonly string[];
  readonly insecure: boolean;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly serverName: string;
  readonly tokenFile: string;
  readonly address: string;
  readonly fallbackAfterMs: number;
  readonly node: string;
  readonly zone: string;
  readonly region: string;
  readonly id: string;
  readonly snapshotFile: string;
  readonly maxStaleMs: number;
  readonly holdBackMs: number;
  readonly explainSample: number;
  readonly seed: number;
  readonly log: NonNullable<ClientOptions["log"]>;
}
