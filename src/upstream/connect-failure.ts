/** Why no connection to an endpoint came about. */
export const ConnectFailure = {
  /** Not TLS's fault: refused, timed out, no HTTP/2. */
  transport: 0,
  /** The endpoint's certificate is not from an authority that is trusted. */
  untrusted: 1,
  /** It is from a trusted one but expired, or not valid yet. */
  expired: 2,
  /** It is for other names. */
  name: 3,
  /** The endpoint does not agree to the protocol. */
  alpn: 4,
  /** The endpoint refuses us: usually it does not like our certificate, or wants one. */
  rejected: 5,
  /** Anything else: no TLS at the other end, no version or cipher in common. */
  tls: 6,
} as const;
export type ConnectFailure = (typeof ConnectFailure)[keyof typeof ConnectFailure];

const CODES: Readonly<Record<string, ConnectFailure>> = {
  CERT_HAS_EXPIRED: ConnectFailure.expired,
  CERT_NOT_YET_VALID: ConnectFailure.expired,
  ERR_TLS_CERT_ALTNAME_INVALID: ConnectFailure.name,
  ISOBAR_SAN: ConnectFailure.name,
  ISOBAR_ALPN: ConnectFailure.alpn,
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: ConnectFailure.alpn,
};

/** OpenSSL's verdicts on a chain, as Node names them (X509_V_ERR_… without the prefix). */
const VERDICT =
  /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|CRL_|INVALID_|HOSTNAME_MISMATCH|PATH_LENGTH_|ERROR_IN_CERT_)/;

/** @param error what the transport was closed with. */
export function connectFailureOf(error: Error | undefined): ConnectFailure {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (typeof code !== "string") return ConnectFailure.transport;
  const known = CODES[code];
  if (known !== undefined) return known;
  if (VERDICT.test(code)) return ConnectFailure.untrusted;
  if (/^ERR_SSL_.*ALERT_/.test(code)) return ConnectFailure.rejected;
  return code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") || code === "EPROTO"
    ? ConnectFailure.tls
    : ConnectFailure.transport;
}
