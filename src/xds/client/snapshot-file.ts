import { open, readFile, rename, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import type { XdsSnapshot } from "./xds-snapshot.ts";
import { decodeXdsSnapshot, encodeXdsSnapshot } from "./xds-snapshot.ts";

/** A snapshot that was found on disk. */
export interface FoundSnapshot {
  readonly snapshot: XdsSnapshot;
  /** When a control plane last confirmed it, in ms since 1970. */
  readonly confirmedMs: number;
}

/** Why a snapshot was not used. */
export interface UselessSnapshot {
  readonly problem: string;
  /** Where it was put, so that it can be looked at; "" where it stayed. */
  readonly setAside: string;
}

/** What a proxy knows, in a file: replaced whole, or not at all. When it was last confirmed is the file's time. */
export class SnapshotFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** @returns undefined when there is none. A file that is of no use is set aside, and not in the way of the next one. */
  async load(): Promise<FoundSnapshot | UselessSnapshot | undefined> {
    let octets: Buffer;
    let confirmedMs: number;
    try {
      octets = await readFile(this.#path);
      confirmedMs = (await stat(this.#path)).mtimeMs;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code === "ENOENT" ? undefined : { problem: message, setAside: "" };
    }
    const snapshot = decodeXdsSnapshot(octets);
    if (!("problem" in snapshot)) return { snapshot, confirmedMs };
    const setAside = `${this.#path}.set-aside`;
    const moved = await rename(this.#path, setAside).then(
      () => true,
      () => false,
    );
    return { problem: snapshot.problem, setAside: moved ? setAside : "" };
  }

  /** Writes it so that a crash leaves the former one or this one. @throws the system's error. */
  async save(snapshot: XdsSnapshot): Promise<void> {
    const temporary = `${this.#path}.next`;
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(encodeXdsSnapshot(snapshot));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
    const folder = await open(dirname(this.#path), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** Notes that what is in the file is still so. */
  async confirm(nowMs: number): Promise<void> {
    await utimes(this.#path, nowMs / 1000, nowMs / 1000).catch(() => undefined);
  }
}
