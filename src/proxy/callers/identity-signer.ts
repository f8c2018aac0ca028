import type { KeyObject } from "node:crypto";
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { readFileSync, statSync } from "node:fs";

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
  /** PEM (PKCS #8) of an Ed25519 key; read again when it changes. */
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
  #key: KeyObject | undefined;
  #keyId = "";
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
    const wallMs = this.#options.wallMs();
    if (wallMs - this.#lookedMs >= LOOK_MS) this.#look(wallMs);
    if (this.#key === undefined) return "";
    const nowS = Math.floor(wallMs / 1000);
    const head = encoded({ alg: "EdDSA", typ: "JWT", kid: this.#keyId });
    const body = encoded({
      iss: ISSUER,
      sub: `system:serviceaccount:${claims.namespace}:${claims.serviceAccount}`,
      aud: service,
      iat: nowS,
      exp: nowS + Math.ceil(lifetimeMs / 1000),
      node: this.#options.node,
      ...claims,
    });
    const signature = sign(null, Buffer.from(`${head}.${body}`), this.#key).toString("base64url");
    return `${head}.${body}.${signature}`;
  }

  #look(wallMs: number): void {
    const { keyFile, onTrouble } = this.#options;
    this.#lookedMs = wallMs;
    try {
      const { mtimeMs } = statSync(keyFile);
      if (mtimeMs === this.#modifiedMs) return;
      [this.#key, this.#keyId] = readKey(keyFile);
      this.#modifiedMs = mtimeMs;
      this.#troubled = false;
    } catch (error) {
      // A key that was good stays: half a file is not the end of it.
      if (!this.#troubled) onTrouble(error instanceof Error ? error.message : String(error));
      this.#troubled = true;
    }
  }
}

/** @returns the key and its id: the start of the hash of its public half. @throws Error for anything but an Ed25519 key in PEM. */
export function readKey(file: string): [KeyObject, string] {
  const key = createPrivateKey(readFileSync(file));
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`not an Ed25519 key but ${key.asymmetricKeyType}`);
  const half = createPublicKey(key).export({ type: "spki", format: "der" });
  return [key, createHash("sha256").update(half).digest("hex").slice(0, 16)];
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
