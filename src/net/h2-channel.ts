import type { Slab } from "../base/slab.ts";
import { Connection } from "../h2/connection.ts";
import type { ConnectionSink } from "../h2/connection-sink.ts";
import type { Engine } from "../h2/connection-state.ts";
import { Role } from "../h2/connection-state.ts";
import type { FloodBudget } from "../h2/flood-budget.ts";
import { Output } from "../h2/output.ts";
import type { LoopTurn } from "./loop-turn.ts";
import type { ReadArea } from "./read-area.ts";
import type { Runnable } from "./run-queue.ts";
import { SHARE_UNITS } from "./run-queue.ts";
import type { Transport, TransportOwner } from "./transport.ts";

/** How long a connection that was ended waits for the peer's side of the goodbye. */
const LINGER_MS = 1000;
/** Share of what copies and queues may fill, up to which input is kept unread: it is in nobody's account of what he holds. */
const UNREAD_SHARE = 0.25;
/** What the read itself is charged, which was over before anybody could look at the clock: the system call, and its copy. */
const READ_UNITS = 1;
const READ_OCTETS_PER_UNIT = 8_192;

/** What a channel tells its owner, beside what the engine tells the sink. */
export interface ChannelOwner {
  onConnected(): void;
  /** The transport is gone; every stream has been ended. Told once, last. */
  onGone(error: Error | undefined): void;
}

/** What channels of one worker share. */
export interface ChannelContext {
  readonly engine: Engine;
  readonly turn: LoopTurn;
  readonly area: ReadArea;
  /** Called before input is looked at: the owner reads its clock here, once for all that follows. */
  readonly tick: () => void;
}

/**
 * One HTTP/2 connection with its transport: keeps what was read but not used up, takes turns with other connections, and
 * tells the engine when the transport has room again.
 */
export class H2Channel implements TransportOwner, Runnable {
  readonly connection: Connection;
  readonly output: Output;
  /** Whose work it is, where turns are fair among classes of callers; else 0. */
  readonly callerClass: number;
  nextInTurn: Runnable | undefined;
  readonly #context: ChannelContext;
  readonly #slab: Slab;
  readonly #owner: ChannelOwner;
  readonly #transport: Transport;
  /** Octets carried over: their block, where they start in it, and how many. */
  #carryBlock = 0;
  #carryStart = 0;
  #carryOctets = 0;
  #ending = false;
  /**
   * Ended, but what comes is still looked at. Not from a client, whose new streams would begin, nor from who broke the rules;
   * but an endpoint that was left because of its GOAWAY may flood for as long as we linger, each connection anew.
   */
  #looksOn = false;
  #gone = false;
  #held = false;
  /** Stands in line for a turn: what is left of the input comes first, nothing is read meanwhile. */
  #waits = false;

  /**
   * @param openTransport makes the transport, which may call back at once.
   * @param callerBudget what all connections of the same caller may do together, if they are counted.
   * @param callerClass class of the callers that it is for, 0 to 255; default: callers are not told apart.
   */
  constructor(
    context: ChannelContext,
    role: Role,
    sink: ConnectionSink,
    owner: ChannelOwner,
    openTransport: (owner: TransportOwner) => Transport,
    callerBudget?: FloodBudget,
    callerClass = 0,
  ) {
    this.callerClass = callerClass;
    this.#context = context;
    this.#slab = context.engine.slab;
    this.#owner = owner;
    this.#transport = openTransport(this);
    this.output = new Output(this.#slab, this.#transport, context.turn.markDirty, callerClass);
    this.connection = new Connection(context.engine, role, sink, this.output, callerBudget);
  }

  /** Whether the owner wants nothing read for now. */
  get held(): boolean {
    return this.#held;
  }

  /** Stops reading until {@link unhold}. */
  hold(): void {
    if (this.#held || this.#gone) return;
    this.#held = true;
    this.#transport.pause();
  }

  unhold(): void {
    if (!this.#held) return;
    this.#held = false;
    // With input left over it is the turn that resumes, when that is done.
    if (!this.#gone && !this.#waits) this.#transport.resume();
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Whether what is said now still reaches the transport. */
  get open(): boolean {
    return this.#transport.open;
  }

  onRead(length: number): void {
    if (this.#ending && !this.#looksOn) return;
    const { turn, engine } = this.#context;
    this.#context.tick();
    turn.readBegins(engine.time.nowMs);
    const { queue } = turn;
    if (this.callerClass !== queue.sole) {
      queue.charge(this.callerClass, READ_UNITS + Math.trunc(length / READ_OCTETS_PER_UNIT), 0);
    }
    this.#take(length);
    turn.readEnds();
  }

  #take(length: number): void {
    const { area } = this.#context;
    if (this.#carryOctets === 0) {
      this.#receive(area.offset, length);
      return;
    }
    const start = area.offset - this.#carryOctets;
    const total = this.#carryOctets + length;
    this.#slab.bytes.copyWithin(start, this.#carryStart, this.#carryStart + this.#carryOctets);
    this.#dropCarry();
    this.#receive(start, total);
  }

  #receive(start: number, length: number): void {
    const { engine, turn } = this.#context;
    const isSole = this.callerClass === turn.queue.sole;
    const units = isSole ? SHARE_UNITS : turn.queue.allowance(this.callerClass);
    // Its class has had its share of this turn.
    const isLate = units === 0;
    if (isLate && engine.slab.usedOctets + length <= engine.softCapacityOctets * UNREAD_SHARE) {
      if (this.#keep(start, length)) this.#wait();
      return;
    }
    // Where there is no room for what waits it is looked at after all, and nothing more is read until its class has made up for it.
    const used = this.connection.receive(start, length, isLate ? SHARE_UNITS : units);
    if (!isSole) this.#charge();
    if (this.#closedAnew()) return;
    if (this.output.backlogOctets + this.output.pendingOctets > engine.limits.maxBacklogOctets) {
      // The peer makes us answer and does not read: only control frames can pile up so far.
      this.destroy();
      return;
    }
    if (this.#gone) return;
    if (used === length) {
      if (isLate) this.#wait();
      return;
    }
    if (this.#keep(start + used, length - used) && (isLate || this.connection.stoppedByBudget)) this.#wait();
  }

  /** Carries octets over; closes the connection where there is no room for them. */
  #keep(start: number, length: number): boolean {
    const block = this.#slab.alloc(length);
    if (block === 0) {
      this.destroy();
      return false;
    }
    this.#slab.bytes.copyWithin(block, start, start + length);
    this.#carryBlock = this.#carryStart = block;
    this.#carryOctets = length;
    return true;
  }

  #wait(): void {
    this.#waits = true;
    this.#transport.pause();
    this.#context.turn.enqueue(this);
  }

  /** Goes on with input that was more than its share. */
  run(units: number): boolean {
    this.#waits = false;
    if (this.#gone) return false;
    if (this.#carryOctets === 0) {
      if (!this.#held) this.#transport.resume();
      return false;
    }
    const { queue } = this.#context.turn;
    const isSole = this.callerClass === queue.sole;
    if (!isSole) this.#context.tick();
    const used = this.connection.receive(this.#carryStart, this.#carryOctets, units);
    if (!isSole) this.#charge();
    if (this.#gone || this.#closedAnew()) return false;
    this.#carryStart += used;
    this.#carryOctets -= used;
    this.#waits = this.connection.stoppedByBudget;
    if (this.#waits) return true;
    if (this.#carryOctets === 0) this.#dropCarry();
    if (!this.#held) this.#transport.resume();
    return false;
  }

  /** Charges what was just done to its class. */
  #charge(): void {
    const { engine, turn } = this.#context;
    const { nowMs } = engine.time;
    this.#context.tick();
    turn.queue.charge(this.callerClass, this.connection.units, engine.time.nowMs - nowMs);
  }

  /** Whether the connection broke the rules after our goodbye: another would not reach it, so it is closed at once. */
  #closedAnew(): boolean {
    if (!this.#looksOn || !this.connection.state.failed) return false;
    this.destroy();
    return true;
  }

  #dropCarry(): void {
    if (this.#carryBlock !== 0) this.#slab.free(this.#carryBlock);
    this.#carryBlock = 0;
    this.#carryOctets = 0;
  }

  onReleased(): void {
    if (this.#gone) return;
    this.output.released();
    this.connection.writable();
  }

  onConnected(): void {
    this.#owner.onConnected();
  }

  onEnd(): void {
    // HTTP/2 has no use for half-open connections: what is in flight cannot be answered reliably.
    this.destroy();
  }

  onClose(error: Error | undefined): void {
    if (this.#gone) return;
    this.#gone = true;
    this.connection.close();
    this.#dropCarry();
    this.#owner.onGone(error);
  }

  /** Flushes what was said, half-closes and lingers, so that the last words arrive. */
  end(): void {
    if (this.#ending || this.#gone) return;
    this.#ending = true;
    const { state } = this.connection;
    this.#looksOn = state.role === Role.client && !state.failed;
    this.output.flush();
    this.#transport.end(LINGER_MS);
  }

  /** Closes at once. */
  destroy(): void {
    this.#transport.destroy();
  }
}
