import { execFileSync } from "node:child_process";

/** Files of a certificate for a server on loopback, and who vouches for it. */
export interface ServerCertificate {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** A name it is for. */
  readonly serverName: string;
}

/** What the certificate is for. */
export const SERVER_NAME = "isobar-control-plane";

/** Makes a certificate that vouches for itself. @param folder takes its files. */
export function makeServerCertificate(folder: string): ServerCertificate {
  const [certFile, keyFile] = [`${folder}/server.crt`, `${folder}/server.key`];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", keyFile];
  const names = ["-subj", `/CN=${SERVER_NAME}`, "-addext", `subjectAltName=DNS:${SERVER_NAME},IP:127.0.0.1`];
  execFileSync("openssl", ["req", "-x509", ...key, ...names, "-days", "30", "-out", certFile], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return { caFile: certFile, certFile, keyFile, serverName: SERVER_NAME };
}
