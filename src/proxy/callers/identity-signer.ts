import { sign } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { IdentityKeys } from "./identity-keys.ts";
import { readIdentityKeys } from "./identity-keys.ts";

/** Who calls, as a token says it. */
export interface IdentityClaims {
  readonly uid: string;
  readonly namespace: string;
  readonly pod: string;
  readonly serviceAccount: string;
  readonly workload: string;
}

/** What an {@link IdentitySigner} is made of. */
export interface IdentitySignerOptions {
  /** PEM of Ed25519 keys, see {@link readIdentityKeys}; read again when it changes. */
  readonly keyFile: string;
  /** Name of the node that says so. */
  readonly node: string;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  /** Told of a key that cannot be used, once until one can. */
  readonly onTrouble: (reason: string) => void;
}

/** How often it is looked whether the key has changed. */
const LOOK_MS = 5_000;
const ISSUER = "isobar";

/** Signs who calls, as a JSON Web Token with EdDSA (RFC 7519, RFC 8037): any library can verify it. */
export class IdentitySigner {
  readonly #options: IdentitySignerOptions;
  #keys: IdentityKeys | undefined;
  #modifiedMs = -1;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #troubled = false;

  constructor(options: IdentitySignerOptions) {
    this.#options = options;
  }

  /**
   * @param service whom the token is for: nobody else is to take it.
   * @returns the token; "" without a key.
   */
  sign(claims: IdentityClaims, service: string, lifetimeMs: number): string {
    const keys = this.#current();
    if (keys === undefined) return "";
    const nowS = Math.floor(this.#options.wallMs() / 1000);
    const head = encoded({ alg: "EdDSA", typ: "JWT", kid: keys.keyId });
    const body = encoded({
      iss: ISSUER,
      sub: `system:serviceaccount:${claims.namespace}:${claims.serviceAccount}`,
      aud: service,
      iat: nowS,
      exp: nowS + Math.ceil(lifetimeMs / 1000),
      node: this.#options.node,
      ...claims,
    });
    const signature = sign(null, Buffer.from(`${head}.${body}`), keys.key).toString("base64url");
    return `${head}.${body}.${signature}`;
  }

  /** @returns a JSON Web Key Set of all keys of the file; "" without a key. */
  publicKeys(): string {
    return this.#current()?.published ?? "";
  }

  #current(): IdentityKeys | undefined {
    const wallMs = this.#options.wallMs();
    if (wallMs - this.#lookedMs >= LOOK_MS) this.#look(wallMs);
    return this.#keys;
  }

  #look(wallMs: number): void {
    const { keyFile, onTrouble } = this.#options;
    this.#lookedMs = wallMs;
    try {
      const { mtimeMs } = statSync(keyFile);
      if (mtimeMs === this.#modifiedMs) return;
      this.#keys = readIdentityKeys(readFileSync(keyFile, "latin1"));
      this.#modifiedMs = mtimeMs;
      this.#troubled = false;
    } catch (error) {
      // A key that was good stays: half a file is not the end of it.
      if (!this.#troubled) onTrouble(error instanceof Error ? error.message : String(error));
      this.#troubled = true;
    }
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
