/** What a server proves with who it is, and whose proofs it takes. PEM. */
export interface ServerIdentity {
  /** Its certificate, intermediate ones behind it. */
  readonly cert: string;
  readonly key: string;
  /** Authorities whose clients are known by their certificates; "" where no certificates are asked for. */
  readonly clientCa: string;
}

/** What a client's certificate says, once TLS has looked at it. */
export interface ClientCertificate {
  /** Why it counts for nothing, in OpenSSL's words such as `CERT_HAS_EXPIRED`; "" when it is good. */
  readonly problem: string;
  /** Subject alternative names as Node writes them: `URI:spiffe://a/b, DNS:c`. */
  readonly subjectAltNames: string;
}
