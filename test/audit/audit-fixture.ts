import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AuditEvent } from "../../src/audit/audit-event.ts";
import type { NumberedRecord } from "../../src/audit/audit-record.ts";
import { AuditTrail } from "../../src/audit/audit-trail.ts";
import type { AuditedStream } from "../../src/audit/audited-stream.ts";
import { readLine } from "../../src/audit/sealed-line.ts";
import { createLog } from "../../src/telemetry/log.ts";

/** An event without its time. */
export type TimelessEvent = AuditEvent extends infer Event
  ? Event extends AuditEvent
    ? Omit<Event, "atMs">
    : never
  : never;

/** A stream of a proxy on the node. */
export function stream(id: number, node: string, changes: Partial<AuditedStream> = {}): AuditedStream {
  const place = { peer: `10.0.0.${id}:4000`, agent: "isobar/test", region: "eu", zone: "eu-a" };
  return { id, node, client: "isobar", transport: "delta", ...place, ...changes };
}

/** A response with these versions by name. */
export function response(versions: Readonly<Record<string, string>>): {
  readonly resources: ReadonlyMap<string, string>;
} {
  return { resources: new Map(Object.entries(versions)) };
}

/** A folder with an audit that is being written. */
export class AuditRig {
  readonly folder: string;
  readonly log: string[] = [];
  trail!: AuditTrail;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async start(
    changes: {
      readonly fileOctets?: number;
      readonly maxFiles?: number;
      readonly folder?: string;
      readonly replica?: string;
    } = {},
  ): Promise<AuditRig> {
    const rig = new AuditRig(changes.folder ?? (await mkdtemp(join(tmpdir(), "isobar-audit-"))));
    await rig.open(changes);
    return rig;
  }

  /** Goes on as another process would. */
  async open({ fileOctets = 1_048_576, maxFiles = 16, replica = "test" } = {}): Promise<void> {
    this.trail = await AuditTrail.open({
      folder: this.folder,
      fileOctets,
      maxFiles,
      replica,
      isobar: "0",
      log: createLog({ stream: { write: (line) => void this.log.push(line) } }),
      times: { collectMs: 5, retryMs: 20, fileAgeMs: 3_600_000 },
    });
  }

  note(event: TimelessEvent, atMs: number = Date.now()): void {
    this.trail.note({ ...event, atMs } as AuditEvent);
  }

  /** Waits until everything noted so far lies on the disk. */
  async written(): Promise<void> {
    this.note({ kind: "policy", policy: "test/flush", cause: NO_CAUSE, spec: {} });
    const untilMs = performance.now() + 20_000;
    while (!this.trail.isSettled) {
      if (performance.now() > untilMs) throw new Error(`nothing was written: ${this.log.join("")}`);
      await sleep(2);
    }
  }

  async files(): Promise<string[]> {
    return (await readdir(this.folder)).filter((name) => name.endsWith(".jsonl")).sort();
  }

  async lines(name: string): Promise<string[]> {
    return (await readFile(join(this.folder, name), "utf8")).split("\n").slice(0, -1);
  }

  /** All records of all files. */
  async records(): Promise<NumberedRecord[]> {
    const records: NumberedRecord[] = [];
    for (const name of await this.files()) {
      for (const line of await this.lines(name)) {
        const read = readLine(line);
        if (typeof read === "string") throw new Error(read);
        records.push(read.record);
      }
    }
    return records;
  }

  async close(): Promise<void> {
    await this.trail.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

const NO_CAUSE = {
  object: "TrafficPolicy test/flush",
  resourceVersion: "1",
  verb: "MODIFIED",
  fieldManager: "",
};
