// The library asks for it by a global.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import type { JsonGeneralName } from "@peculiar/x509";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate and its key, PEM. */
export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

/** From when to when something is valid, in milliseconds since 1970. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Elliptic curve keys: what every client accepts, and what takes a millisecond. */
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** Clocks differ: so much before its time, and no more than this share of it, a certificate is valid already. */
const BACKDATED_MS = 300_000;
const BACKDATED_SHARE = 0.01;
const SERIAL_OCTETS = 16;

/** Makes a certificate authority that signs for itself and lets no other authorities stand below it. Source: RFC 5280 §4.2. */
export async function issueAuthority(
  name: string,
  { notBeforeMs, notAfterMs }: Validity,
): Promise<IssuedCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const cert = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    notBefore: backdated(notBeforeMs, notAfterMs),
    notAfter: new Date(notAfterMs),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pem(cert), key: await keyPem(keys.privateKey) };
}

/**
 * Makes a server's certificate.
 *
 * @param authority signs it.
 * @param names DNS names and IP addresses it is for, the first one first.
 */
export async function issueServerCertificate(
  authority: IssuedCertificate,
  names: readonly string[],
  { notBeforeMs, notAfterMs }: Validity,
): Promise<IssuedCertificate> {
  const issuer = new X509Certificate(authority.cert);
  const signingKey = await webcrypto.subtle.importKey("pkcs8", derOf(authority.key), ALGORITHM, false, [
    "sign",
  ]);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const cert = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${(names[0] ?? "").slice(0, 64)}`,
    issuer: issuer.subject,
    notBefore: backdated(notBeforeMs, notAfterMs),
    notAfter: new Date(notAfterMs),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map(generalName)),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { cert: pem(cert), key: await keyPem(keys.privateKey) };
}

function backdated(notBeforeMs: number, notAfterMs: number): Date {
  return new Date(notBeforeMs - Math.min(BACKDATED_MS, (notAfterMs - notBeforeMs) * BACKDATED_SHARE));
}

function generalName(name: string): JsonGeneralName {
  return { type: /^[\d.]+$|:/.test(name) ? "ip" : "dns", value: name };
}

/** Positive, and not to be guessed. Source: RFC 5280 §4.1.2.2. */
function serialNumber(): string {
  const octets = webcrypto.getRandomValues(new Uint8Array(SERIAL_OCTETS));
  octets[0] = (octets[0]! & 0x3f) | 0x40;
  return Buffer.from(octets).toString("hex");
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString("pem").trim()}\n`;
}

async function keyPem(key: CryptoKey): Promise<string> {
  const base64 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`;
}

function derOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text.replace(/-----[^-]+-----|\s/g, ""), "base64"));
}
