import { statSync } from "node:fs";
import type { ClusterConfig, Config } from "../config/config.ts";
import type { ClusterTlsConfig, TlsFiles } from "../config/read-tls-files.ts";
import { readTlsFiles } from "../config/read-tls-files.ts";
import type { ClusterTls, NamedTls } from "../resource/cluster-tls.ts";
import { tlsKey, tlsNumber } from "../resource/cluster-tls.ts";
import type { TlsIdentity } from "../resource/tls-identity.ts";
import type { OwnCertificate } from "../telemetry/certificate-metrics.ts";
import type { Log } from "../telemetry/log.ts";
import type { MainToWorker } from "./worker-messages.ts";

/** How often the files are looked at. What has changed is read when it has not changed again since the last look. */
const LOOK_MS = 1000;

/** What {@link TlsIdentities} work with. */
export interface TlsIdentitiesOptions {
  /** Sends to every worker. */
  readonly broadcast: (message: MainToWorker) => void;
  readonly log: Log;
  /** Told when the certificates in use are others. */
  readonly onCertificates: (certificates: readonly OwnCertificate[]) => void;
  /** Told of every attempt to take changed files. */
  readonly onReload: (succeeded: boolean) => void;
  /** Default 1,000; tests shorten it. */
  readonly lookMs?: number;
}

interface Entry {
  readonly number: number;
  readonly tls: NamedTls;
  /** The last that were good; `undefined` until there are any. */
  files: TlsFiles | undefined;
  /** State of the files when they were last read, and when they were last looked at. */
  readState: string;
  seenState: string;
  trouble: string;
  /** By the file. */
  used: boolean;
  /** Clusters of a control plane that use it. */
  readonly clusters: Set<string>;
}

/**
 * The TLS identities of the configuration, on the main thread: reads their files, numbers them, hands them to the workers, and
 * reads files again that have changed. Looking from time to time instead of watching sees every way to replace a file, the
 * swapped links of Kubernetes and network file systems too. What is not good, or whose key does not fit yet, leaves the last
 * good one in use.
 */
export class TlsIdentities {
  readonly #options: TlsIdentitiesOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: TlsIdentitiesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), options.lookMs ?? LOOK_MS);
    this.#timer.unref();
  }

  /** Announces the identities a configuration needs. To be called before its clusters are sent, {@link retire} after. */
  apply(config: Config): void {
    for (const entry of this.#entries.values()) entry.used = false;
    for (const cluster of config.clusters) {
      if (cluster.tls === undefined) continue;
      const tls = namedTls(cluster, cluster.tls);
      const key = tlsKey(tls);
      const entry = this.#entries.get(key) ?? this.#add(key, tls, this.#numberFor(key));
      entry.used = true;
    }
    this.#tellCertificates();
  }

  /**
   * Announces the identity of a control plane's cluster, whose number is {@link tlsNumber}. To be called before the cluster is sent.
   *
   * @param tls undefined: the cluster needs none (any more).
   * @returns false where another identity has this number, which happens once in two thousand million: then the cluster is not to be used.
   */
  use(cluster: string, tls: NamedTls | undefined): boolean {
    const key = tls && tlsKey(tls);
    for (const [each, { clusters }] of this.#entries) if (each !== key) clusters.delete(cluster);
    if (tls === undefined || key === undefined) return true;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const number = tlsNumber(key);
      for (const other of this.#entries.values()) if (other.number === number) return false;
      entry = this.#add(key, tls, number);
      this.#tellCertificates();
    }
    entry.clusters.add(cluster);
    return entry.number === tlsNumber(key);
  }

  /** @returns the number of a cluster's identity; 0 for clear text. */
  numberOf(cluster: ClusterConfig): number {
    if (cluster.tls === undefined) return 0;
    return this.#entries.get(tlsKey(namedTls(cluster, cluster.tls)))?.number ?? 0;
  }

  /** Forgets what no cluster uses any more. */
  retire(): void {
    for (const [key, { number, used, clusters }] of this.#entries) {
      if (used || clusters.size > 0) continue;
      this.#entries.delete(key);
      this.#options.broadcast({ kind: "tls-identity-removed", number });
    }
    this.#tellCertificates();
  }

  /** @returns what a worker that is new has to be told before its clusters. */
  *messages(): Iterable<MainToWorker> {
    for (const entry of this.#entries.values()) {
      if (entry.files !== undefined) yield { kind: "tls-identity", identity: identityOf(entry, entry.files) };
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #add(key: string, tls: NamedTls, number: number): Entry {
    const entry = {
      number,
      tls,
      files: undefined,
      readState: "",
      seenState: "",
      trouble: "",
      used: false,
      clusters: new Set<string>(),
    };
    this.#entries.set(key, entry);
    this.#read(entry, stateOf(tls));
    return entry;
  }

  #look(): void {
    for (const entry of this.#entries.values()) {
      const state = stateOf(entry.tls);
      if (state === entry.readState) continue;
      if (state !== entry.seenState) {
        entry.seenState = state;
        continue;
      }
      this.#read(entry, state);
      this.#tellCertificates();
    }
  }

  #read(entry: Entry, state: string): void {
    const { log, broadcast, onReload } = this.#options;
    const isFirst = entry.files === undefined;
    const wasBad = entry.trouble !== "";
    entry.readState = entry.seenState = state;
    const files = readTlsFiles(entry.tls);
    if (files.problem !== undefined) {
      onReload(false);
      const { key, problem, wanted } = files;
      const trouble = `${key}: ${problem}`;
      if (trouble === entry.trouble) return;
      entry.trouble = trouble;
      const message = isFirst
        ? "TLS files cannot be used, endpoints that need them are not reached"
        : "changed TLS files cannot be used, the last good ones stay in use";
      log.warn(message, { file: entry.tls[key] ?? `${key}, as text`, found: problem, wanted });
      return;
    }
    entry.trouble = "";
    const former = entry.files;
    entry.files = files;
    if (former?.ca === files.ca && former.cert === files.cert && former.key === files.key) return;
    broadcast({ kind: "tls-identity", identity: identityOf(entry, files) });
    if (isFirst && !wasBad) return;
    onReload(true);
    log.info("changed TLS files are in use for new connections", {
      serverName: entry.tls.serverName,
      ...(entry.tls.certFile === undefined ? {} : { certFile: entry.tls.certFile }),
      ...(files.notAfterMs === undefined ? {} : { notAfter: new Date(files.notAfterMs).toISOString() }),
    });
  }

  #tellCertificates(): void {
    const certificates = new Map<string, OwnCertificate>();
    for (const { tls, files } of this.#entries.values()) {
      if (tls.certFile === undefined || files?.notAfterMs === undefined) continue;
      certificates.set(tls.certFile, {
        file: tls.certFile,
        notAfterMs: files.notAfterMs,
        notBeforeMs: files.notBeforeMs ?? files.notAfterMs,
      });
    }
    this.#options.onCertificates([...certificates.values()]);
  }

  /** Equal in every process that has read the same, because snapshots carry it in what they are compared by. */
  #numberFor(key: string): number {
    const taken = new Set([...this.#entries.values()].map(({ number }) => number));
    let number = tlsNumber(key);
    while (number === 0 || taken.has(number)) number = (number + 1) % 2 ** 31;
    return number;
  }
}

function identityOf({ number, tls }: Entry, { ca, cert, key }: TlsFiles): TlsIdentity {
  return { number, serverName: tls.serverName, subjectAltNames: tls.subjectAltNames ?? [], ca, cert, key };
}

function namedTls({ name }: ClusterConfig, tls: ClusterTlsConfig): NamedTls {
  return { ...tls, serverName: tls.serverName ?? name.replace(/:[0-9]+$/, "").replace(/^\[|\]$/g, "") };
}

/** @returns what differs when a file has become another one, or another content: links are followed. */
function stateOf(tls: ClusterTls): string {
  return [tls.caFile, tls.certFile, tls.keyFile].map(stateOfFile).join(" ");
}

function stateOfFile(file: string | undefined): string {
  if (file === undefined) return "-";
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(file);
    return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
