import type { Log } from "../../telemetry/log.ts";
import { TYPE_URL } from "../resources/type-url.ts";
import { RESOURCE_KINDS } from "./resolve-authority.ts";
import { SnapshotFile } from "./snapshot-file.ts";
import type { XdsClient } from "./xds-client.ts";
import type { StoredPlace, StoredResource } from "./xds-snapshot.ts";

/** Waits between two writes, and how often the file's time says that it is still so. */
const SAVE_MS = 2_000;
const CONFIRM_MS = 15_000;

/** What a {@link KnowledgeKeeper} works with. */
export interface KnowledgeKeeperOptions {
  readonly path: string;
  readonly maxStaleMs: number;
  readonly client: XdsClient;
  readonly log: Log;
  /** Wants an authority that was in use when the file was written. */
  readonly want: (authority: string) => void;
  /** This proxy's share of the traffic of services, for and from the file; default: it has none. */
  readonly shares?: {
    kept(): Record<string, number>;
    restore(shares: Readonly<Record<string, number>>): void;
  };
  /** Told of every attempt to write the file. */
  readonly onSaved: (succeeded: boolean) => void;
}

/**
 * Keeps what a control plane said on disk. At the start it is taken from there, is suspect until a control plane has confirmed it, and
 * when nobody has for too long only connections that stand are used.
 */
export class KnowledgeKeeper {
  readonly #options: KnowledgeKeeperOptions;
  readonly #file: SnapshotFile;
  #changed = false;
  #timer: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #confirmedMs = 0;
  #saving: Promise<void> = Promise.resolve();
  #failed = false;

  constructor(options: KnowledgeKeeperOptions) {
    this.#options = options;
    this.#file = new SnapshotFile(options.path);
  }

  /** Takes what the disk has, if it is of use and not too old; then begins to write. */
  async restore(): Promise<void> {
    const { client, log, path, want, maxStaleMs } = this.#options;
    const found = await this.#file.load();
    if (found !== undefined && "problem" in found) {
      log.error("the snapshot on disk is of no use, and not used", { file: path, ...found });
    } else if (found !== undefined) {
      const ageMs = Math.max(0, Date.now() - found.confirmedMs);
      if (ageMs >= maxStaleMs) {
        log.warn("the snapshot on disk is too old, and not used", {
          file: path,
          age_s: Math.round(ageMs / 1000),
        });
      } else {
        const { authorities, resources, place } = found.snapshot;
        if (place !== undefined) this.#restorePlace(place);
        for (const authority of authorities) want(authority);
        // Each kind names what is to be known of the next.
        for (const kind of RESOURCE_KINDS) {
          for (const stored of resources) if (stored.kind === kind) this.#restore(stored);
          client.settle();
        }
        const ended = setTimeout(() => this.#expire(), maxStaleMs - ageMs);
        ended.unref();
        this.#expiry = ended;
        log.info("services taken from disk until a control plane answers", {
          file: path,
          services: authorities.length,
          age_s: Math.round(ageMs / 1000),
        });
      }
    }
    this.#timer = setInterval(() => void this.#tick(), SAVE_MS);
    this.#timer.unref();
  }

  /** What is known has changed. */
  changed(): void {
    this.#changed = true;
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#expiry);
    await this.#tick();
  }

  #restore({ kind, name, version, octets }: StoredResource): void {
    const problem = this.#options.client.restore(kind, name, version, octets);
    if (problem !== "") this.#options.log.error("a resource on disk is of no use", { kind, name, problem });
  }

  #restorePlace({ name, version, octets, shares }: StoredPlace): void {
    const { client, log } = this.#options;
    const problem = client.restorePlace(name, version, octets);
    if (problem === "") this.#options.shares?.restore(shares);
    else log.error("a resource on disk is of no use", { kind: "nodeView", name, problem });
  }

  #expire(): void {
    const expired = this.#options.client.expireUnconfirmed();
    if (expired.length === 0) return;
    this.#options.log.error(
      "no control plane has confirmed endpoints from disk for too long: nothing new connects to them, connections that stand are used",
      { services: expired.length },
    );
  }

  #place(): StoredPlace | undefined {
    const { client, shares } = this.#options;
    const { name, version, octets } = client.place ?? {};
    if (name === undefined || version === undefined || octets === undefined) return undefined;
    return { name, version, octets, shares: shares?.kept() ?? {} };
  }

  #tick(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#save());
    return this.#saving;
  }

  async #save(): Promise<void> {
    const { client, log, path, onSaved } = this.#options;
    const nowMs = Date.now();
    const suspect = client.suspectCount > 0;
    // What nobody has confirmed does not become younger by being written again.
    if (!this.#changed || suspect) {
      if (!client.isConnected || suspect || nowMs - this.#confirmedMs < CONFIRM_MS) return;
      this.#confirmedMs = nowMs;
      return this.#file.confirm(nowMs);
    }
    this.#changed = false;
    try {
      await this.#file.save({
        authorities: [...client.authorities],
        resources: storedOf(client),
        place: this.#place(),
      });
      this.#confirmedMs = nowMs;
      onSaved(true);
      if (this.#failed) log.info("the snapshot is written again", { file: path });
      this.#failed = false;
    } catch (error) {
      onSaved(false);
      if (!this.#failed) log.error("the snapshot cannot be written", { file: path, error });
      this.#failed = true;
      this.#changed = true;
    }
  }
}

function storedOf(client: XdsClient): StoredResource[] {
  const stored: StoredResource[] = [];
  for (const { typeUrl, name, version, octets, state } of client.resources()) {
    if (state !== "present" || octets === undefined) continue;
    const kind = RESOURCE_KINDS.find((each) => TYPE_URL[each] === typeUrl)!;
    stored.push({ kind, name, version, octets });
  }
  return stored;
}
