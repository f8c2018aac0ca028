import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** What a certificate is made for. */
export interface CertificateWish {
  /** In openssl's notation, such as `DNS:echo.test` or `URI:spiffe://test/echo`. Default: none. */
  readonly subjectAltNames?: readonly string[];
  /** Days it is valid from now; negative: expired. Default 30. */
  readonly days?: number;
}

/** A certificate with its key, as text and as files. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** @returns why no certificates can be made on this machine, if so. */
export function missingOpenssl(): string | undefined {
  const { status, error } = spawnSync("openssl", ["version"]);
  return status === 0 ? undefined : `openssl is needed to make certificates: ${error?.message ?? status}`;
}

/** A certificate authority in a folder of its own, made for one test. */
export class TestAuthority {
  readonly folder = mkdtempSync(join(tmpdir(), "isobar-certificates-"));
  readonly caFile = join(this.folder, "ca.crt");
  readonly ca: string;
  #count = 0;

  constructor() {
    process.once("exit", () => this.remove());
    this.#openssl(
      "req",
      "-x509",
      ...NEW_KEY,
      "-days",
      "30",
      "-subj",
      "/CN=test authority",
      "-keyout",
      "ca.key",
      "-out",
      "ca.crt",
    );
    this.ca = readFileSync(this.caFile, "utf8");
  }

  issue(wish: CertificateWish = {}): TestCertificate {
    const name = `leaf-${this.#count++}`;
    const sans = wish.subjectAltNames ?? [];
    writeFileSync(
      join(this.folder, `${name}.ext`),
      sans.length === 0 ? "" : `subjectAltName=${sans.join(",")}\n`,
    );
    this.#openssl("req", ...NEW_KEY, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    this.#openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"],
      ...["-days", String(wish.days ?? 30), "-extfile", `${name}.ext`, "-out", `${name}.crt`],
    );
    const [certFile, keyFile] = [join(this.folder, `${name}.crt`), join(this.folder, `${name}.key`)];
    return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8"), certFile, keyFile };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #openssl(...args: string[]): void {
    execFileSync("openssl", args, { cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
  }
}
