import assert from "node:assert/strict";
import type { ConnectionSink } from "../../src/h2/connection-sink.ts";
import { ResetCause } from "../../src/h2/connection-sink.ts";
import type { ConnectionState } from "../../src/h2/connection-state.ts";
import { FloodKind, NO_FLOOD } from "../../src/h2/flood-kind.ts";
import { BlockKind } from "../../src/h2/hpack/block-kind.ts";
import { releaseFields } from "../../src/h2/hpack/release-fields.ts";
import { consume } from "../../src/h2/receive-data.ts";
import { fieldsOf } from "../h2/hpack/reference.ts";
import { errorName } from "./frames.ts";
import type { TestEngine } from "./test-engine.ts";

type Events = { -readonly [E in keyof ConnectionSink]?: ConnectionSink[E] };

const KINDS = Object.entries(BlockKind);
const FLOODS = Object.entries(FloodKind);
const CAUSES = Object.entries(ResetCause);

/**
 * Writes down all a connection tells, one line for each event; DATA that arrives in parts is one line. Fails on events that
 * a sink must never see: for a stream it does not know, or after the last.
 */
export class RecordingSink implements ConnectionSink {
  /** The events since the start, or since {@link take}. */
  lines: string[] = [];
  /** What has arrived of each stream's body, by id. */
  readonly bodies = new Map<number, Buffer[]>();
  /** The fields of each stream's last header section, by id. */
  readonly fields = new Map<number, Record<string, string>>();
  /** Slots of the streams that are known, by id. */
  readonly slots = new Map<number, number>();
  /** Gives DATA's window back at once. */
  consumes = true;
  /** What a test does on an event, after it was written down. */
  readonly on: Events = {};
  readonly #engine: TestEngine;
  state!: ConnectionState;

  constructor(engine: TestEngine) {
    this.#engine = engine;
  }

  /** @returns the events since the last call. */
  take(): string[] {
    const taken = this.lines;
    this.lines = [];
    return taken;
  }

  body(id: number): Buffer {
    return Buffer.concat(this.bodies.get(id) ?? []);
  }

  onHeaders(slot: number, kind: BlockKind, octets: number, endStream: boolean): void {
    const { slab, pool, scratch, streams } = this.#engine;
    const id = streams.id[slot]!;
    if (kind === BlockKind.request) this.opened(id, slot);
    this.#check(id, slot);
    const rig = { slab, pool, input: 0, block: 0, output: 0, close: () => 0 };
    const fields = fieldsOf(rig, scratch, octets).map(({ field }) => field);
    this.fields.set(id, Object.fromEntries(fields));
    releaseFields(slab, pool, scratch, octets);
    this.lines.push(`headers ${id} ${nameOf(KINDS, kind)}${endStream ? " end" : ""}`);
    this.on.onHeaders?.(slot, kind, octets, endStream);
  }

  /** Notes a stream: one that we have opened. */
  opened(id: number, slot: number): void {
    assert.ok(!this.slots.has(id), `stream ${id} opened twice`);
    this.slots.set(id, slot);
  }

  onHeadersTooLarge(slot: number, endStream: boolean): void {
    const id = this.#engine.streams.id[slot]!;
    this.opened(id, slot);
    this.lines.push(`too large ${id}${endStream ? " end" : ""}`);
    this.on.onHeadersTooLarge?.(slot, endStream);
  }

  onData(slot: number, offset: number, length: number, endStream: boolean): void {
    const { slab, streams } = this.#engine;
    const id = streams.id[slot]!;
    this.#check(id, slot);
    const parts = this.bodies.get(id) ?? [];
    parts.push(Buffer.from(slab.bytes.subarray(offset, offset + length)));
    this.bodies.set(id, parts);
    const last = this.lines.at(-1)?.match(/^data (\d+) (\d+)$/);
    const before = last?.[1] === String(id) ? Number(last[2]) : -1;
    if (before >= 0) this.lines.pop();
    this.lines.push(`data ${id} ${Math.max(before, 0) + length}${endStream ? " end" : ""}`);
    if (this.consumes && length > 0) consume(this.state, slot, length, true);
    this.on.onData?.(slot, offset, length, endStream);
  }

  onDrained(slot: number, octets: number): void {
    const id = this.#engine.streams.id[slot]!;
    this.#check(id, slot);
    this.lines.push(`drained ${id} ${octets}`);
    this.on.onDrained?.(slot, octets);
  }

  onReset(slot: number, errorCode: number, cause: ResetCause): void {
    const id = this.#engine.streams.id[slot]!;
    this.#note(id, slot);
    this.lines.push(`reset ${id} ${errorName(errorCode)} ${nameOf(CAUSES, cause)}`);
    this.on.onReset?.(slot, errorCode, cause);
  }

  onClosed(slot: number): void {
    const id = this.#engine.streams.id[slot]!;
    this.#note(id, slot);
    this.slots.delete(id);
    this.lines.push(`closed ${id}`);
    this.on.onClosed?.(slot);
  }

  onSettings(): void {
    this.lines.push("settings");
    this.on.onSettings?.();
  }

  onGoaway(lastStreamId: number, errorCode: number): void {
    this.lines.push(`goaway ${lastStreamId} ${errorName(errorCode)}`);
    this.on.onGoaway?.(lastStreamId, errorCode);
  }

  onPong(token: number): void {
    this.lines.push(`pong ${token}`);
    this.on.onPong?.(token);
  }

  onBodyTooLarge(slot: number): void {
    this.lines.push(`body too large ${this.#engine.streams.id[slot]!}`);
    this.on.onBodyTooLarge?.(slot);
  }

  onFailed(errorCode: number, flood: FloodKind | typeof NO_FLOOD): void {
    const kind = flood === NO_FLOOD ? "" : ` ${nameOf(FLOODS, flood)}`;
    this.lines.push(`failed ${errorName(errorCode)}${kind}`);
    this.on.onFailed?.(errorCode, flood);
  }

  #check(id: number, slot: number): void {
    assert.equal(this.slots.get(id), slot, `an event for stream ${id}, which is not known`);
  }

  /** The end of a stream may be the first its owner hears of it: a request that was refused for its fields. */
  #note(id: number, slot: number): void {
    if (!this.slots.has(id)) this.slots.set(id, slot);
    this.#check(id, slot);
  }
}

function nameOf(entries: readonly (readonly [string, number])[], value: number): string {
  return entries.find(([, each]) => each === value)![0];
}
