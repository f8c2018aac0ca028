/** How connections to endpoints are secured, named as in Istio's DestinationRule: `MUTUAL` shows a certificate of our own. */
export const TLS_MODES = ["SIMPLE", "MUTUAL"] as const;

/**
 * What a data-plane thread needs to open secure connections as one identity: certificates as PEM, and whom it expects at the
 * other end. Its number stays when the certificates are renewed.
 */
export interface TlsIdentity {
  /** 1 and up; 0 stands for clear text. */
  readonly number: number;
  /** Name sent as SNI, and expected in the endpoint's certificate unless {@link subjectAltNames} says otherwise. "" for none, where these say so. */
  readonly serverName: string;
  /** If not empty, one of these must be in the certificate: host names (`*.` for one label), IP addresses, URIs. */
  readonly subjectAltNames: readonly string[];
  /** Authorities whose certificates are trusted, PEM; "" for those of the system. */
  readonly ca: string;
  /** Our own chain and its key, PEM; both "" when we show none. */
  readonly cert: string;
  readonly key: string;
}
