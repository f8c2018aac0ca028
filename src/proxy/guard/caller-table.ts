import type { FloodLimit } from "../../h2/flood-limits.ts";
import { RefusalReason } from "../../telemetry/guard-cell.ts";
import { Caller } from "./caller.ts";
import type { GuardOptions } from "./guard-options.ts";

/** Accounts without connections that are remembered at most, and how long an account lasts once nothing is owed on it. */
const MAX_IDLE_CALLERS = 4096;
const IDLE_MS = 10_000;
/** Beyond this share of a caller's flood budget its new connections are not taken. */
const FLOODED_SHARE = 0.9;
/** From this share of all connections on, only callers below that share of them get more. */
const SCARCE_SHARE = 0.8;
const SMALL_SHARE = 0.05;

const MAPPED_PREFIX = "::ffff:";

/** @returns the address as accounts know it: an IPv4 client of a dual-stack listener is the same caller as on IPv4. */
export function callerAddress(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return "";
  return remoteAddress.startsWith(MAPPED_PREFIX) && remoteAddress.includes(".")
    ? remoteAddress.slice(MAPPED_PREFIX.length)
    : remoteAddress;
}

/**
 * Who has connections, by source address. An address is looked up when a connection is accepted, never later.
 *
 * There are at most as many accounts as connections are allowed, and 4,096 of callers that have left: they are remembered
 * while their flood budget fills up again (seconds), so that coming back does not clear it.
 */
export class CallerTable {
  readonly #options: GuardOptions;
  readonly #floods: readonly FloodLimit[];
  readonly #callers = new Map<string, Caller>();
  /** Those without connections, the longest without first. */
  readonly #idle = new Set<Caller>();
  #connections = 0;

  /** @param floods what one connection may do of each kind. */
  constructor(options: GuardOptions, floods: readonly FloodLimit[]) {
    this.#options = options;
    this.#floods = floods;
  }

  /** Accounts there are. */
  get size(): number {
    return this.#callers.size;
  }

  /** Connections of all callers. */
  get connections(): number {
    return this.#connections;
  }

  /**
   * Takes a connection in; {@link leave} is due when it ends.
   *
   * @param identity whose account it is; default: the address's.
   * @returns its account, or why it must be closed at once.
   */
  enter(address: string, nowMs: number, identity: string = address): Caller | RefusalReason {
    const { maxConnections, maxConnectionsPerCaller, newConnectionsPerSecondPerCaller } = this.#options;
    let caller = this.#callers.get(identity);
    if (this.#connections >= maxConnections) return RefusalReason.maxConnections;
    if (caller === undefined) {
      caller = new Caller(address, this.#floods, newConnectionsPerSecondPerCaller, nowMs, identity);
      this.#callers.set(identity, caller);
    } else {
      const { connections } = caller;
      const scarce = this.#connections >= maxConnections * SCARCE_SHARE;
      if (scarce && connections >= maxConnections * SMALL_SHARE) return RefusalReason.maxConnections;
      if (connections >= maxConnectionsPerCaller) return RefusalReason.callerConnections;
      if (caller.floods.usedShare(nowMs) > FLOODED_SHARE) return RefusalReason.callerFlood;
    }
    if (!caller.arrivals.take(nowMs)) return RefusalReason.callerRate;
    if (caller.connections === 0) this.#idle.delete(caller);
    caller.connections++;
    this.#connections++;
    return caller;
  }

  /** A connection of this caller has ended. */
  leave(caller: Caller, nowMs: number): void {
    this.#connections--;
    if (--caller.connections > 0) return;
    caller.idleSinceMs = nowMs;
    this.#idle.add(caller);
    if (this.#idle.size > MAX_IDLE_CALLERS) this.#forgetFirst();
  }

  /** Forgets callers that left a while ago and owe nothing; a few at a time. */
  forget(nowMs: number): void {
    for (let looks = 0; looks < 64 && this.#idle.size > 0; looks++) {
      const [first] = this.#idle;
      if (first === undefined || nowMs - first.idleSinceMs < IDLE_MS) return;
      this.#idle.delete(first);
      if (first.floods.usedShare(nowMs) === 0) {
        this.#callers.delete(first.identity);
      } else {
        first.idleSinceMs = nowMs;
        this.#idle.add(first);
      }
    }
  }

  #forgetFirst(): void {
    for (const first of this.#idle) {
      this.#idle.delete(first);
      this.#callers.delete(first.identity);
      return;
    }
  }
}
