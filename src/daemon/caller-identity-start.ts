/** From the configuration's `capture.identity`. */
export interface CallerIdentityStart {
  /** PEM of an Ed25519 key. */
  readonly keyFile: string;
  /** How long a token is good. */
  readonly lifetimeMs: number;
}
