import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { Connection, MAX_CARRY_OCTETS } from "../../src/h2/connection.ts";
import { Role } from "../../src/h2/connection-state.ts";
import type { FloodBudget } from "../../src/h2/flood-budget.ts";
import { literalRecord } from "../../src/h2/hpack/write-field.ts";
import { Output } from "../../src/h2/output.ts";
import { resetStream } from "../../src/h2/reset-stream.ts";
import { sendData, sendTrailers, writeHeaders } from "../../src/h2/send.ts";
import { ReferenceDecoder } from "../h2/hpack/reference.ts";
import type { ReadFrame } from "./frames.ts";
import { PREFACE, readFrames, SETTINGS_ACK, settings } from "./frames.ts";
import type { Fields } from "./literal-block.ts";
import { OctetPort } from "./octet-port.ts";
import { RecordingSink } from "./recording-sink.ts";
import type { TestEngineOptions } from "./test-engine.ts";
import { TestEngine } from "./test-engine.ts";

/** How a {@link ScriptedPeer} starts. */
export interface PeerOptions extends TestEngineOptions {
  /** An engine that others use too; the test checks its memory itself. */
  readonly engine?: TestEngine;
  /** What all connections of the peer's owner may do together. */
  readonly callerBudget?: FloodBudget;
  /** The SETTINGS the peer starts with; false: the test says the first word. */
  readonly settings?: Readonly<Record<number, number>> | false;
}

/**
 * One connection of ours and, as octets, the peer at its other end. `receive` plays what the peer sends, `frames` reads
 * what we answer, the methods named as the engine's send.
 */
export class ScriptedPeer {
  readonly engine: TestEngine;
  readonly connection: Connection;
  readonly sink: RecordingSink;
  readonly port: OctetPort;
  readonly output: Output;
  /** Octets a `receive` call gets at once, and its budget. */
  stepOctets = 65_536;
  budget = Number.MAX_SAFE_INTEGER;
  readonly #decoder = new ReferenceDecoder();
  #carry: Buffer = Buffer.alloc(0);
  #prefaceDue: number;

  constructor(role: Role, engine: TestEngine, callerBudget?: FloodBudget) {
    this.engine = engine;
    this.sink = new RecordingSink(engine);
    this.port = new OctetPort(engine.slab);
    this.output = new Output(engine.slab, this.port, () => {});
    this.port.output = this.output;
    this.connection = new Connection(engine, role, this.sink, this.output, callerBudget);
    this.sink.state = this.connection.state;
    this.#prefaceDue = role === Role.client ? PREFACE.length : 0;
  }

  /** Plays what the peer sends, in the steps and with the budget that are set. */
  receive(...octets: readonly Uint8Array[]): void {
    const all = Buffer.concat(octets);
    for (let at = 0; at < all.length; at += this.stepOctets) {
      this.#receivePart(all.subarray(at, at + this.stepOctets));
    }
  }

  #receivePart(part: Buffer): void {
    const { slab, input, areaOctets } = this.engine;
    let octets = Buffer.concat([this.#carry, part]);
    do {
      octets.copy(slab.bytes, input);
      const used = this.connection.receive(input, octets.length, this.budget);
      // Offsets are valid during the call only.
      slab.bytes.fill(0xdb, input, input + Math.min(octets.length, areaOctets));
      assert.ok(used >= 0 && used <= octets.length, `${used} of ${octets.length} octets used`);
      octets = octets.subarray(used);
    } while (this.connection.stoppedByBudget);
    assert.ok(octets.length <= MAX_CARRY_OCTETS, "more left over than a frame");
    this.#carry = octets;
  }

  /** Flushes, and @returns the frames that have left since the last call. */
  frames(): ReadFrame[] {
    this.output.flush();
    const taken = this.port.take();
    const preface = taken.subarray(0, this.#prefaceDue);
    this.#prefaceDue -= preface.length;
    assert.ok(PREFACE.includes(preface), "not the client preface");
    return readFrames(taken.subarray(preface.length));
  }

  /** Flushes, and @returns those frames, a line for each. */
  said(): string[] {
    return this.frames().map(({ text }) => text);
  }

  /** @returns the fields of a HEADERS frame of ours; each must be read once, in order. */
  decode(payload: Uint8Array): Record<string, string> {
    return Object.fromEntries(this.#decoder.decode(payload).map(({ field }) => field));
  }

  /** @returns what the sink was told since the last call. */
  told(): string[] {
    return this.sink.take();
  }

  slot(id: number): number {
    const slot = this.connection.state.index.get(id);
    assert.ok(slot > 0, `stream ${id} is not open`);
    return slot;
  }

  /** Opens a stream (client). @returns its id. */
  open(fields: Fields, endStream = false): number {
    const slot = this.connection.open(this.engine.stage, this.#stage(fields), 0, endStream);
    assert.ok(slot > 0, "no capacity");
    const id = this.engine.streams.id[slot]!;
    this.sink.opened(id, slot);
    return id;
  }

  headers(id: number, fields: Fields, endStream = false): void {
    const { state } = this.connection;
    writeHeaders(state, this.slot(id), this.engine.stage, this.#stage(fields), 0, endStream);
  }

  data(id: number, octets: Uint8Array | string, endStream = false): number {
    const { slab, stage } = this.engine;
    const content = Buffer.from(octets as Uint8Array);
    content.copy(slab.bytes, stage);
    const sent = sendData(this.connection.state, this.slot(id), stage, content.length, endStream);
    slab.bytes.fill(0xdb, stage, stage + content.length);
    return sent;
  }

  trailers(id: number, fields: Fields): boolean {
    const { stage } = this.engine;
    return sendTrailers(this.connection.state, this.slot(id), stage, this.#stage(fields), 0);
  }

  reset(id: number, errorCode: number): void {
    resetStream(this.connection.state, this.slot(id), errorCode);
  }

  /** Lets every kept write leave, and what was waiting for that. */
  drain(): void {
    this.output.flush();
    while (this.port.keptWrites > 0) {
      this.port.release();
      this.connection.writable();
      this.output.flush();
    }
  }

  /** Closes the connection; nothing may remain of it, and every stream must have been told its end. */
  close(): void {
    this.connection.close();
    assert.equal(this.sink.slots.size, 0, "streams without onClosed");
    assert.equal(this.output.backlogOctets, 0, "backlog octets");
  }

  #stage(fields: Fields): number {
    const { slab, stage } = this.engine;
    const list = Array.isArray(fields) ? fields : Object.entries(fields);
    const block = Buffer.concat(list.map(([name, value]) => literalRecord(name, value)));
    block.copy(slab.bytes, stage);
    return block.length;
  }
}

/** A server of ours with a scripted client. After the test, its memory must be back where it was. */
export function scriptedClient(t: TestContext, options: PeerOptions = {}): ScriptedPeer {
  return start(t, Role.server, options);
}

/** A client of ours with a scripted server. */
export function scriptedServer(t: TestContext, options: PeerOptions = {}): ScriptedPeer {
  return start(t, Role.client, options);
}

function start(t: TestContext, role: Role, options: PeerOptions): ScriptedPeer {
  const engine = options.engine ?? new TestEngine(options);
  const peer = new ScriptedPeer(role, engine, options.callerBudget);
  t.after(() => {
    peer.close();
    if (options.engine === undefined) engine.assertBaseline();
  });
  if (options.settings !== false) {
    if (role === Role.server) peer.receive(PREFACE);
    peer.receive(settings(options.settings), SETTINGS_ACK);
    assert.deepEqual(peer.told(), ["settings"]);
    assert.equal(peer.said().at(-1), "SETTINGS ACK");
  }
  return peer;
}
