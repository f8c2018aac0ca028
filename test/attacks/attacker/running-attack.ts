import type { Attack, AttackReport, Tick } from "./attack.ts";
import type { AttackTally, AttackWay } from "./attack-connection.ts";
import { AttackConnection } from "./attack-connection.ts";

const TICK_MS = 4;
const DEFAULT_CONNECTS_PER_SECOND = 200;

interface Standing {
  readonly connection: AttackConnection;
  readonly tick: Tick | undefined;
}

/** An attack under way: keeps its connections, and its rate. */
export class RunningAttack {
  readonly #attack: Attack;
  readonly #way: AttackWay;
  readonly #framesPerConnection: number;
  readonly #startedMs = performance.now();
  readonly #cpu = process.cpuUsage();
  readonly #timer: NodeJS.Timeout;
  readonly #tally: AttackTally = { frames: 0, octets: 0, streams: 0, answers: 0, received: 0, resets: {} };
  readonly #closes: Record<string, number> = {};
  readonly #pending = new Set<AttackConnection>();
  #standing: Standing[] = [];
  #connects = 0;
  #refused = 0;
  #mostFrames = 0;
  #longestMs = 0;
  #lastMs = this.#startedMs;
  #due = 0;
  #turn = 0;
  #stopped = false;

  /** @param framesPerConnection what a connection sends at most before it waits to be closed. */
  constructor(attack: Attack, way: AttackWay, framesPerConnection: number = Number.POSITIVE_INFINITY) {
    this.#attack = attack;
    this.#way = way;
    this.#framesPerConnection = framesPerConnection;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#connect(nowMs);
    this.#due += ((nowMs - this.#lastMs) / 1000) * this.#attack.framesPerSecond;
    this.#lastMs = nowMs;
    const ready = this.#standing.filter((standing) => this.#mayGoOn(standing));
    if (ready.length === 0) {
      // What could not be sent is not made up for: the stated rate is the most there ever is.
      this.#due = 0;
      return;
    }
    const count = Math.floor(this.#due);
    this.#due -= count;
    const each = Math.floor(count / ready.length);
    if (each > 0) {
      for (const standing of ready) this.#send(standing, each);
    }
    for (let rest = count - each * ready.length; rest > 0; rest--) {
      this.#send(ready[this.#turn++ % ready.length]!, 1);
    }
  }

  #send({ tick, connection }: Standing, count: number): void {
    tick!(Math.min(count, this.#framesPerConnection - connection.frames));
  }

  #mayGoOn({ tick, connection }: Standing): boolean {
    if (tick === undefined || !connection.hasRoom || connection.goaway !== undefined) return false;
    return connection.frames < this.#framesPerConnection;
  }

  #connect(nowMs: number): void {
    const { connections, connectsPerSecond = DEFAULT_CONNECTS_PER_SECOND } = this.#attack;
    const allowed = 1 + ((nowMs - this.#startedMs) / 1000) * connectsPerSecond;
    // A connection that got its GOAWAY is replaced at once; that it ends is the proxy's business.
    const leaving = this.#standing.filter(({ connection }) => connection.goaway !== undefined).length;
    while (this.#standing.length - leaving + this.#pending.size < connections && this.#connects < allowed) {
      this.#open();
    }
  }

  #open(): void {
    this.#connects++;
    this.#tally.frames++;
    const { play, reads = true, manyCallers = false } = this.#attack;
    const source = manyCallers
      ? `127.64.${(this.#connects >> 8) & 255}.${this.#connects & 255}`
      : this.#way.source;
    const connection = new AttackConnection({ ...this.#way, source }, this.#tally, reads);
    const { socket } = connection;
    this.#pending.add(connection);
    let ended = "";
    let stood = false;
    socket.on("connect", () => {
      stood = true;
      this.#pending.delete(connection);
      this.#standing.push({ connection, tick: play(connection) });
    });
    socket.on("end", () => {
      if (!this.#stopped) ended = connection.goaway ?? "end";
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      ended ||=
        connection.goaway ?? (error.code === "ECONNRESET" || error.code === "EPIPE" ? "reset" : "error");
    });
    socket.on("close", () => {
      this.#pending.delete(connection);
      this.#standing = this.#standing.filter((standing) => standing.connection !== connection);
      if (this.#stopped) return;
      if (!stood) {
        this.#refused++;
        return;
      }
      if (ended === "" || connection.leaving) return;
      this.#closes[ended] = (this.#closes[ended] ?? 0) + 1;
      const frames = connection.goaway === undefined ? connection.frames : connection.framesAtGoaway;
      this.#mostFrames = Math.max(this.#mostFrames, frames);
      this.#longestMs = Math.max(this.#longestMs, performance.now() - connection.openedMs);
    });
  }

  report(): AttackReport {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const { user, system } = process.cpuUsage(this.#cpu);
    return {
      ...this.#tally,
      connects: this.#connects,
      refused: this.#refused,
      open: this.#standing.length,
      closes: this.#closes,
      mostFrames: this.#mostFrames,
      longestMs: this.#longestMs,
      seconds,
      cpuShare: (user + system) / 1e6 / seconds,
    };
  }

  stop(): AttackReport {
    const report = this.report();
    this.#stopped = true;
    clearInterval(this.#timer);
    for (const { connection } of this.#standing) connection.socket.destroy();
    for (const { socket } of this.#pending) socket.destroy();
    return report;
  }
}
