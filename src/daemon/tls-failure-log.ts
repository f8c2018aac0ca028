import { monotonicClock } from "../base/clock.ts";
import type { TlsFailure } from "../proxy/tls-failure.ts";
import type { WorkerToMain } from "./worker-messages.ts";

/** Time between two lines about the same cluster and reason. */
const QUIET_MS = 60_000;
/** Pairs of cluster and reason that are kept apart; further ones share a line. */
const MAX_KINDS = 256;

interface Kind {
  toldAtMs: number;
  untold: number;
}

/** Says why TLS keeps endpoints from being used: at once, then at most once a minute for each cluster and reason. */
export class TlsFailureLog {
  readonly #say: (message: WorkerToMain) => void;
  readonly #nowMs: () => number;
  readonly #kinds = new Map<string, Kind>();

  constructor(say: (message: WorkerToMain) => void, nowMs: () => number = () => monotonicClock.nowMs()) {
    this.#say = say;
    this.#nowMs = nowMs;
  }

  note({ cluster, endpoint, reason, detail }: TlsFailure): void {
    const nowMs = this.#nowMs();
    const own = `${cluster} ${reason}`;
    const key = this.#kinds.has(own) || this.#kinds.size < MAX_KINDS ? own : "others";
    const kind = this.#kinds.get(key);
    if (kind !== undefined && nowMs - kind.toldAtMs < QUIET_MS) {
      kind.untold++;
      return;
    }
    const fields = { cluster, endpoint, reason, detail, untold: kind?.untold ?? 0 };
    this.#kinds.set(key, { toldAtMs: nowMs, untold: 0 });
    this.#say({ kind: "log", level: "warn", message: "TLS keeps an endpoint from being used", fields });
  }
}
