import { GuardCell } from "../../telemetry/guard-cell.ts";
import { WorkerColumn } from "../../telemetry/worker-counters.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { Caller } from "./caller.ts";
import type { GuardedConnection } from "./guarded-connection.ts";
import { countHeld, heldForRequests } from "./held-octets.ts";

/** A caller that holds less is never stopped, and a connection is stopped from the second number on. */
const LARGE_CALLER_OCTETS = 262_144;
const LARGE_CONNECTION_OCTETS = 65_536;
/** Share of what all callers hold that those who are stopped hold at least. */
const STOPPED_SHARE = 0.5;
/** Between two PINGs to a connection that is not read. */
const PROBE_MS = 2000;
/** What they carry; nobody reads the answer. */
const PROBE_TOKEN = 0x70_72_6f_62;

/**
 * First stage of overload: connections of the callers that hold most are not read until what they hold has gone on to its
 * endpoints, or memory is no longer short.
 *
 * Only what is on the way to endpoints counts. What is on the way to a client that does not read it is bounded by windows
 * that are not reopened, and its WINDOW_UPDATE, which we would not see, is what sets it free.
 *
 * Without reading, the end of a connection does not show: a client that has gone would keep for ever what it holds. So it is sent PINGs, for their writing only: the kernel of
 * a client that has gone answers the first one by a reset, and the second fails.
 */
export class ReadingStop {
  readonly #context: ProxyContext;
  /** By connection, when it was last sent something. */
  readonly #held = new Map<GuardedConnection, number>();

  constructor(context: ProxyContext) {
    this.#context = context;
  }

  /** To be called a few times a second while memory is short, and until {@link release}. */
  update(): void {
    const { nowMs } = this.#context.time;
    for (const [connection, probedMs] of this.#held) {
      if (heldForRequests(this.#context, connection) < LARGE_CONNECTION_OCTETS / 2) {
        this.#unhold(connection);
      } else if (nowMs - probedMs >= PROBE_MS) {
        this.#held.set(connection, nowMs);
        connection.connection.ping(PROBE_TOKEN);
      }
    }
    const large = this.#largeCallers();
    if (large.size === 0) return;
    for (const connection of this.#context.downstream) {
      const { state } = connection.connection;
      if (!large.has(connection.caller) || connection.channel.held || state.closed) continue;
      if (heldForRequests(this.#context, connection) >= LARGE_CONNECTION_OCTETS) this.#hold(connection);
    }
    this.#tell();
  }

  /** Memory is no longer short: everybody is read again. */
  release(): void {
    if (this.#held.size === 0) return;
    for (const connection of this.#held.keys()) this.#unhold(connection);
    this.#tell();
  }

  /** A connection is gone. */
  forget(connection: GuardedConnection): void {
    if (this.#held.delete(connection)) this.#tell();
  }

  #largeCallers(): Set<Caller> {
    const callers = countHeld(this.#context).sort((a, b) => b.requestOctets - a.requestOctets);
    let left = callers.reduce((sum, { requestOctets }) => sum + requestOctets, 0) * STOPPED_SHARE;
    const large = new Set<Caller>();
    for (const caller of callers) {
      if (left <= 0 || caller.requestOctets < LARGE_CALLER_OCTETS) break;
      large.add(caller);
      left -= caller.requestOctets;
    }
    return large;
  }

  #hold(connection: GuardedConnection): void {
    this.#held.set(connection, this.#context.time.nowMs);
    connection.channel.hold();
    this.#context.workerRow[WorkerColumn.guard + GuardCell.readingStops]!++;
  }

  #unhold(connection: GuardedConnection): void {
    this.#held.delete(connection);
    connection.watch.restart();
    connection.channel.unhold();
  }

  #tell(): void {
    this.#context.workerRow[WorkerColumn.guard + GuardCell.pausedConnections] = this.#held.size;
  }
}
