import { X509Certificate } from "node:crypto";
import type { Authority, AuthoritySet } from "./authority-set.ts";
import { IdentityError } from "./identity-source.ts";

/** A Secret's `data`: base64 by key. */
export type SecretData = Readonly<Record<string, string>>;

const REMEDY = "mend it, or delete it to have a new authority made, which clients will have to be told of";

/**
 * @param data as {@link secretDataOf} wrote it.
 * @param name how messages name the Secret.
 * @throws IdentityError when it is something else: then it is not ours to write over.
 */
export function authoritiesOf(data: SecretData, name: string): AuthoritySet {
  const text = (key: string): string => Buffer.from(data[key] ?? "", "base64").toString();
  const authority = (what: string): Authority | undefined => {
    const [cert, key] = [text(`${what}.crt`), text(`${what}.key`)];
    if (cert === "" && key === "") return undefined;
    return { cert, key, ...validityOf(cert, `Secret ${name}: ${what}.crt`) };
  };
  const current = authority("ca");
  if (current === undefined || current.key === "") {
    throw new IdentityError(`Secret ${name}: found no ca.crt and ca.key, wanted an authority; ${REMEDY}`);
  }
  const previousCert = text("previous.crt");
  const previousNotAfterMs =
    previousCert === "" ? 0 : validityOf(previousCert, `Secret ${name}: previous.crt`).notAfterMs;
  return { current, next: authority("next"), previousCert, previousNotAfterMs };
}

/** @returns what a Secret is to have. */
export function secretDataOf({ current, next, previousCert }: AuthoritySet): SecretData {
  const texts = {
    "ca.crt": current.cert,
    "ca.key": current.key,
    ...(next === undefined ? {} : { "next.crt": next.cert, "next.key": next.key }),
    ...(previousCert === "" ? {} : { "previous.crt": previousCert }),
  };
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString("base64")]),
  );
}

/** @returns when a certificate is valid. @throws IdentityError when it is none. */
export function validityOf(
  cert: string,
  what: string,
): { readonly notBeforeMs: number; readonly notAfterMs: number } {
  try {
    const { validFromDate, validToDate } = new X509Certificate(cert);
    return { notBeforeMs: validFromDate.getTime(), notAfterMs: validToDate.getTime() };
  } catch {
    throw new IdentityError(`${what}: found no certificate, wanted one as PEM; ${REMEDY}`);
  }
}
