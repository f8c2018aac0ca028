import { statSync } from "node:fs";
import { readTlsFiles } from "../../config/read-tls-files.ts";
import type { Log } from "../../telemetry/log.ts";
import type { ServerIdentity } from "../../xds/server/server-identity.ts";
import type { IdentitySource } from "./identity-source.ts";
import { IdentityError } from "./identity-source.ts";

/** Which files, PEM: as cert-manager mounts them, or SPIFFE's helper writes them. */
export interface CertificatePaths {
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities of clients' certificates; undefined where none are asked for. */
  readonly clientCaFile: string | undefined;
}

/** How often the files are looked at. What has changed is read when it has not changed again since the last look. */
const LOOK_MS = 1_000;

/** The flags by the names that files of TLS have elsewhere. */
const FLAGS = {
  certFile: "--tls-cert-file",
  keyFile: "--tls-key-file",
  caFile: "--client-ca-file",
} as const;

/** Certificates that others write: read at the start and again when they change. What is no good leaves the last good ones in use. */
export class CertificateFiles implements IdentitySource {
  readonly bundle = "";
  readonly #paths: CertificatePaths;
  readonly #log: Log;
  readonly #lookMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** State of the files when they were last read, and when they were last looked at. */
  #readState = "";
  #seenState = "";
  #current: ServerIdentity | undefined;
  #notAfterMs = Number.NaN;

  /** @param lookMs tests shorten it. */
  constructor(paths: CertificatePaths, log: Log, lookMs: number = LOOK_MS) {
    this.#paths = paths;
    this.#log = log;
    this.#lookMs = lookMs;
  }

  get notAfterMs(): number {
    return this.#notAfterMs;
  }

  /** Reads the files, before anything is opened. @throws IdentityError when they are no good. */
  load(): ServerIdentity {
    this.#readState = this.#seenState = this.#state();
    const first = this.#read();
    if ("problem" in first) throw new IdentityError(first.problem);
    this.#current = first;
    return first;
  }

  async start(onChange: (identity: ServerIdentity) => void): Promise<ServerIdentity> {
    const first = this.#current ?? this.load();
    this.#sayExpired();
    this.#timer = setInterval(() => this.#look(onChange), this.#lookMs);
    this.#timer.unref();
    return first;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
  }

  #look(onChange: (identity: ServerIdentity) => void): void {
    const state = this.#state();
    if (state === this.#readState) return;
    if (state !== this.#seenState) {
      this.#seenState = state;
      return;
    }
    this.#readState = state;
    const identity = this.#read();
    if ("problem" in identity) {
      this.#log.error("changed TLS files cannot be used, the last good ones stay in use", {
        problem: identity.problem,
      });
      return;
    }
    const { cert, key, clientCa } = this.#current!;
    if (identity.cert === cert && identity.key === key && identity.clientCa === clientCa) return;
    this.#current = identity;
    this.#log.info("changed TLS files are in use for new connections", {
      certFile: this.#paths.certFile,
      notAfter: new Date(this.#notAfterMs).toISOString(),
    });
    this.#sayExpired();
    onChange(identity);
  }

  /** It is served with all the same: what is renewed is taken up within a second. */
  #sayExpired(): void {
    if (!(this.#notAfterMs < Date.now())) return;
    this.#log.error("the certificate that xDS is served with has expired, clients will not accept it", {
      certFile: this.#paths.certFile,
      notAfter: new Date(this.#notAfterMs).toISOString(),
      advice: "renew it: the file is read again when it changes",
    });
  }

  #read(): ServerIdentity | { readonly problem: string } {
    const { certFile, keyFile, clientCaFile } = this.#paths;
    const caFile = clientCaFile === undefined ? {} : { caFile: clientCaFile };
    const files = readTlsFiles({ mode: "MUTUAL", certFile, keyFile, ...caFile });
    if (files.problem !== undefined) {
      const path = { certFile, keyFile, caFile: clientCaFile }[files.key];
      return { problem: `${FLAGS[files.key]}: found ${path}: ${files.problem}, wanted ${files.wanted}` };
    }
    this.#notAfterMs = files.notAfterMs ?? Number.NaN;
    return { cert: files.cert, key: files.key, clientCa: files.ca };
  }

  /** @returns what differs when a file has become another one, or another content: links are followed. */
  #state(): string {
    const { certFile, keyFile, clientCaFile } = this.#paths;
    return [certFile, keyFile, clientCaFile].map(stateOf).join(" ");
  }
}

function stateOf(file: string | undefined): string {
  if (file === undefined) return "-";
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(file);
    return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
