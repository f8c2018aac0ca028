/** Label value by cell of `upstreamTlsFailures`: the words of the errors that clients get. */
export const TLS_FAILURE_NAMES = [
  "tls_untrusted",
  "tls_expired",
  "tls_name",
  "tls_alpn",
  "tls_rejected",
  "tls_failure",
] as const;
