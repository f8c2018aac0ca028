import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { places } from "./places.ts";

/** Names a certificate authority, a server for the benchmark's service name and a client; @returns their folder. */
export function makeCertificates(): string {
  const folder = `${places.built}/tls`;
  if (existsSync(`${folder}/client.crt`)) return folder;
  mkdirSync(folder, { recursive: true });
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...key,
    "-days",
    "3650",
    "-subj",
    "/CN=bench ca",
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
  );
  for (const [name, san] of [
    ["server", `DNS:${places.authority.split(":")[0]}`],
    ["client", "URI:spiffe://bench/client"],
  ] as const) {
    openssl("req", ...key, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    writeFileSync(`${folder}/${name}.ext`, `subjectAltName=${san}\n`);
    openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"],
      ...["-days", "3650", "-extfile", `${name}.ext`, "-out", `${name}.crt`],
    );
  }
  return folder;
}
