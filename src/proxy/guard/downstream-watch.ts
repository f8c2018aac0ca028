import type { ConnectionState } from "../../h2/connection-state.ts";
import type { GuardOptions } from "./guard-options.ts";

/** What a look at a connection may ask for. */
export const WatchVerdict = {
  none: 0,
  /** It has been silent: a PING is due. */
  ping: 1,
  handshakeTimeout: 2,
  headersTimeout: 3,
  keepaliveTimeout: 4,
  idle: 5,
  maxAge: 6,
} as const;
export type WatchVerdict = (typeof WatchVerdict)[keyof typeof WatchVerdict];

/** How far a connection's age limit is drawn around the one that is set. Source: gRFC A9. */
const AGE_JITTER = 0.1;

/**
 * Looks at one client's connection once a second, instead of a timer for each. It decides only; see Guard for what is done.
 *
 * A PING asks only clients with streams open: what else a vanished client holds is its socket, and the kernel's keepalive
 * finds that at no cost. A stopped process (a debugger, a suspended machine) is silent but not gone, hence long limits.
 */
export class DownstreamWatch {
  readonly #acceptedMs: number;
  readonly #goneByMs: number;
  #pingSentMs = 0;
  #idleSinceMs = 0;
  #idleAtId = -1;
  #asked = false;

  /** @param draw from 0 to 1, spreads the ages at which connections are asked to go. */
  constructor(options: GuardOptions, nowMs: number, draw: number) {
    this.#acceptedMs = nowMs;
    const age = options.maxConnectionAgeMs * (1 - AGE_JITTER + 2 * AGE_JITTER * draw);
    this.#goneByMs = options.maxConnectionAgeMs === 0 ? Number.POSITIVE_INFINITY : nowMs + age;
  }

  /** @returns what is due; `ping`, `idle` and `maxAge` are told once. */
  check(state: ConnectionState, options: GuardOptions, nowMs: number): WatchVerdict {
    if (!state.settingsSeen) {
      return nowMs - this.#acceptedMs >= options.handshakeTimeoutMs
        ? WatchVerdict.handshakeTimeout
        : WatchVerdict.none;
    }
    if (state.incompleteSinceMs !== 0) {
      const stuckMs = nowMs - state.incompleteSinceMs;
      if (stuckMs >= options.requestHeadersTimeoutMs) return WatchVerdict.headersTimeout;
    }
    if (state.activeStreams > 0) return this.#checkSilence(state, options, nowMs);
    this.#pingSentMs = 0;
    return this.#asked ? WatchVerdict.none : this.#checkIdle(state, options, nowMs);
  }

  /** What was not read meanwhile cannot have answered. */
  restart(): void {
    this.#pingSentMs = 0;
  }

  #checkSilence(state: ConnectionState, options: GuardOptions, nowMs: number): WatchVerdict {
    this.#idleAtId = -1;
    if (this.#pingSentMs !== 0) {
      if (state.lastReceivedMs >= this.#pingSentMs) this.#pingSentMs = 0;
      else if (nowMs - this.#pingSentMs >= options.keepaliveTimeoutMs) return WatchVerdict.keepaliveTimeout;
    } else if (options.keepaliveTimeMs > 0 && nowMs - state.lastReceivedMs >= options.keepaliveTimeMs) {
      this.#pingSentMs = nowMs;
      return WatchVerdict.ping;
    }
    return this.#checkAge(nowMs);
  }

  #checkIdle(state: ConnectionState, options: GuardOptions, nowMs: number): WatchVerdict {
    if (this.#idleAtId !== state.highestPeerId) {
      this.#idleAtId = state.highestPeerId;
      this.#idleSinceMs = nowMs;
    } else if (options.idleTimeoutMs > 0 && nowMs - this.#idleSinceMs >= options.idleTimeoutMs) {
      this.#asked = true;
      return WatchVerdict.idle;
    }
    return this.#checkAge(nowMs);
  }

  #checkAge(nowMs: number): WatchVerdict {
    if (this.#asked || nowMs < this.#goneByMs) return WatchVerdict.none;
    this.#asked = true;
    return WatchVerdict.maxAge;
  }
}
