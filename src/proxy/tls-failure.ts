/** A connection that did not come about for TLS's sake, for the log. */
export interface TlsFailure {
  readonly cluster: string;
  /** Address and port. */
  readonly endpoint: string;
  /** Its word in PROXY_ERRORS. */
  readonly reason: string;
  /** What TLS said: names and dates of certificates, never keys. */
  readonly detail: string;
}
