import type { TLS_MODES } from "./tls-identity.ts";

/** How the endpoints of a cluster are reached by TLS: certificates in files, which are read again when they change, or as text. */
export interface ClusterTls {
  readonly mode: (typeof TLS_MODES)[number];
  /** Absolute paths of PEM files; without authorities those of the system are trusted. */
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** PEM instead of the file of that name, as a control plane may send it. */
  readonly texts?: Readonly<Partial<Record<"caFile" | "certFile" | "keyFile", string>>> | undefined;
  /** See TlsIdentity. */
  readonly subjectAltNames?: readonly string[] | undefined;
}

/** A ClusterTls with the name that is sent as SNI. */
export interface NamedTls extends ClusterTls {
  readonly serverName: string;
}

/** @returns a text that is equal for what makes the same identity. */
export function tlsKey({
  mode,
  caFile,
  certFile,
  keyFile,
  texts,
  serverName,
  subjectAltNames,
}: NamedTls): string {
  const common = [mode, caFile, certFile, keyFile, serverName, subjectAltNames];
  return JSON.stringify(texts === undefined ? common : [...common, texts]);
}

/** @returns the number of an identity, 1 and up: equal in every process that knows the same, because snapshots carry it in what they are compared by. */
export function tlsNumber(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash >>> 1 || 1;
}
