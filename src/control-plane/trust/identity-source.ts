import type { ServerIdentity } from "../../xds/server/server-identity.ts";

/** Where the control plane has its certificate from, and its successors. */
export interface IdentitySource {
  /**
   * Begins.
   *
   * @param onChange called with every identity after the first.
   * @returns the first.
   * @throws IdentityError when there is none.
   */
  start(onChange: (identity: ServerIdentity) => void): Promise<ServerIdentity>;
  /** When the certificate in use expires, in milliseconds since 1970. */
  readonly notAfterMs: number;
  /** Authorities that whoever connects has to trust, PEM; "" where others tell them. */
  readonly bundle: string;
  close(): Promise<void>;
}

/** There is no identity to serve with. `message` is for people. */
export class IdentityError extends Error {
  override readonly name = "IdentityError";
}
