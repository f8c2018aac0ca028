import type { KeyObject } from "node:crypto";
import { createHash, createPrivateKey, createPublicKey } from "node:crypto";

/** What a file of keys says. */
export interface IdentityKeys {
  /** Signs. */
  readonly key: KeyObject;
  readonly keyId: string;
  /** A JSON Web Key Set (RFC 7517, RFC 8037) of the public halves of all keys, as text on one line. */
  readonly published: string;
}

const BLOCK = /-----BEGIN (PRIVATE|PUBLIC) KEY-----[^-]*-----END \1 KEY-----/g;
/** More of them are a mistake: a change of keys needs two. */
const MOST_KEYS = 64;

/**
 * Reads Ed25519 keys, one PEM block after the other (PKCS #8, SubjectPublicKeyInfo). The first private one signs; all are published, so that
 * a next key is known everywhere before it signs, and a former one as long as its tokens are good.
 *
 * @throws Error saying what is wrong with the text.
 */
export function readIdentityKeys(pem: string): IdentityKeys {
  const blocks = [...pem.matchAll(BLOCK)];
  if (blocks.length > MOST_KEYS) throw new Error(`found ${blocks.length} keys, wanted at most ${MOST_KEYS}`);
  let key: KeyObject | undefined;
  const published = new Map<string, object>();
  for (const [text, kind] of blocks) {
    const secret = kind === "PRIVATE" ? createPrivateKey(text) : undefined;
    const half = secret === undefined ? createPublicKey(text) : createPublicKey(secret);
    if (half.asymmetricKeyType !== "ed25519")
      throw new Error(
        `found a key of ${half.asymmetricKeyType}, wanted Ed25519 (openssl genpkey -algorithm ed25519)`,
      );
    key ??= secret;
    const kid = idOf(half);
    const { kty, crv, x } = half.export({ format: "jwk" });
    published.set(kid, { kty, crv, x, kid, alg: "EdDSA", use: "sig" });
  }
  if (key === undefined)
    throw new Error("found no private key, wanted one in PEM (-----BEGIN PRIVATE KEY-----)");
  const keyId = idOf(createPublicKey(key));
  return { key, keyId, published: JSON.stringify({ keys: [...published.values()] }) };
}

/** @returns what names a key: the start of the hash of its public half. */
function idOf(half: KeyObject): string {
  const text = half.export({ type: "spki", format: "der" });
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
