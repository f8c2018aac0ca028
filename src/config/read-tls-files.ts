import { readFileSync } from "node:fs";
import type { ClusterTls } from "../resource/cluster-tls.ts";
import type { ClusterConfig } from "./config.ts";
import { systemErrorText } from "./system-error-text.ts";

/** The `tls` section of a cluster. */
export type ClusterTlsConfig = NonNullable<ClusterConfig["tls"]>;

/** Keys of the section that name files. */
export type TlsFileKey = "caFile" | "certFile" | "keyFile";

/** The files of one section, read and found good. */
export interface TlsFiles {
  readonly problem?: undefined;
  /** PEM; "" for a file that is not configured. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** When our own certificate expires, in milliseconds since 1970; `undefined` when there is none. */
  readonly notAfterMs: number | undefined;
  /** Since when it is valid. */
  readonly notBeforeMs: number | undefined;
}

/** The first thing that is wrong with the files. Says nothing of what is in a key. */
export interface TlsFilesProblem {
  readonly problem: string;
  readonly key: TlsFileKey;
  readonly wanted: string;
}

const BEGIN_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const MAX_FILE_OCTETS = 4 * 1_048_576;

/** Reads the files of a `tls` section, sees that they are what they should be, and that certificate and key belong together. */
export function readTlsFiles(tls: ClusterTls): TlsFiles | TlsFilesProblem {
  const { X509Certificate, createPrivateKey } = process.getBuiltinModule("node:crypto");
  const texts = { caFile: "", certFile: "", keyFile: "" };
  for (const key of ["caFile", "certFile", "keyFile"] as const) {
    const file = tls[key];
    texts[key] = tls.texts?.[key] ?? "";
    if (file === undefined) continue;
    try {
      texts[key] = readFileSync(file, "utf8");
    } catch (error) {
      return { key, problem: systemErrorText(error), wanted: "a readable file" };
    }
    if (texts[key].length > MAX_FILE_OCTETS) {
      return { key, problem: `${texts[key].length} octets`, wanted: "a file of at most 4 MiB" };
    }
  }
  const { caFile: ca, certFile: cert, keyFile: key } = texts;
  let notAfterMs: number | undefined;
  let notBeforeMs: number | undefined;
  for (const [name, text] of [
    ["caFile", ca],
    ["certFile", cert],
  ] as const) {
    if (tls[name] === undefined && text === "") continue;
    const wanted = "at least one PEM certificate";
    const blocks = text.match(BEGIN_CERTIFICATE) ?? [];
    if (blocks.length === 0) return { key: name, problem: "no certificate in it", wanted };
    for (const [index, block] of blocks.entries()) {
      try {
        const certificate = new X509Certificate(block);
        if (name === "certFile" && index === 0) {
          notAfterMs = certificate.validToDate.getTime();
          notBeforeMs = certificate.validFromDate.getTime();
        }
      } catch (error) {
        return { key: name, problem: `certificate ${index + 1} is damaged (${reasonOf(error)})`, wanted };
      }
    }
  }
  if (tls.keyFile !== undefined || key !== "") {
    const wanted = "a PEM private key without a passphrase";
    try {
      const privateKey = createPrivateKey(key);
      if (cert !== "" && !new X509Certificate(cert).checkPrivateKey(privateKey)) {
        return { key: "keyFile", problem: "the key of another certificate", wanted: "the key of certFile" };
      }
    } catch (error) {
      return { key: "keyFile", problem: `no usable key in it (${reasonOf(error)})`, wanted };
    }
  }
  return { ca, cert, key, notAfterMs, notBeforeMs };
}

/** OpenSSL's code, which says nothing of the content. */
function reasonOf(error: unknown): string {
  return (error as { readonly code?: string }).code ?? "not understood";
}
