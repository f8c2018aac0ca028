import { failConnection } from "../../h2/control-frames.ts";
import { ErrorCode } from "../../h2/error-code.ts";
import { CloseReason, GuardCell } from "../../telemetry/guard-cell.ts";
import { OverloadStage } from "../../telemetry/overload-state.ts";
import { WorkerColumn } from "../../telemetry/worker-counters.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { Caller } from "./caller.ts";
import { CallerTable, callerAddress } from "./caller-table.ts";
import { DownstreamWatch, WatchVerdict } from "./downstream-watch.ts";
import type { GuardOptions } from "./guard-options.ts";
import type { GuardedConnection } from "./guarded-connection.ts";
import { ReadingStop } from "./reading-stop.ts";

/** How often each connection is looked at. */
const ROUND_MS = 1000;
/** Connections looked at in one call of {@link Guard.sweep}, beyond a quarter of all. */
const MIN_LOOKS = 64;
/** After a gap like this the thread may not have read yet what has arrived meanwhile: nobody is judged. */
const LATE_MS = 2000;
/** What our PINGs to silent clients carry; any octet that comes is answer enough. */
const KEEPALIVE_TOKEN = 0x6b_65_65_70;

/** Keeps clients within their limits: who may connect, who has been silent or slow for too long, who is read while memory is short. */
export class Guard {
  readonly callers: CallerTable;
  readonly #context: ProxyContext;
  readonly #options: GuardOptions;
  readonly #readingStop: ReadingStop;
  #round: Iterator<GuardedConnection> | undefined;
  #looksPerSweep = 0;
  #roundAtMs = 0;
  #sweptAtMs: number;
  /** From which connection-free second on endpoints are due for a look. */
  #upstreamsAtMs = 0;

  constructor(context: ProxyContext, options: GuardOptions) {
    this.#context = context;
    this.#options = options;
    this.callers = new CallerTable(options, context.engine.limits.floods);
    this.#readingStop = new ReadingStop(context);
    this.#sweptAtMs = context.time.nowMs;
  }

  /**
   * Takes in an accepted connection, whatever it will speak; {@link leave} is due when it has ended.
   *
   * @param remoteAddress as the socket names it; undefined for a unix socket.
   * @param identity whose account it is; default: the address's. A pod's UID, where it is known, because addresses change owners.
   * @returns its account; undefined when the connection must be closed at once (it has been counted).
   */
  enter(remoteAddress: string | undefined, identity?: string): Caller | undefined {
    const { workerRow, time } = this.#context;
    const caller = this.callers.enter(callerAddress(remoteAddress), time.nowMs, identity);
    if (typeof caller === "object") return caller;
    workerRow[WorkerColumn.guard + GuardCell.refused + caller]!++;
    return undefined;
  }

  /** A connection taken in has ended. */
  leave(caller: Caller): void {
    this.callers.leave(caller, this.#context.time.nowMs);
  }

  /** @returns the watch of a new HTTP/2 connection. */
  watch(): DownstreamWatch {
    const { random, time } = this.#context;
    const draw = this.#options.maxConnectionAgeMs > 0 ? random.nextFloat() : 0;
    return new DownstreamWatch(this.#options, time.nowMs, draw);
  }

  /** An HTTP/2 connection has ended. */
  forget(connection: GuardedConnection): void {
    this.#readingStop.forget(connection);
  }

  /** To be called a few times a second: looks at a share of the connections, and at the stage of overload. */
  sweep(): void {
    const { time, overload, engine, workerRow, subchannels } = this.#context;
    this.#context.tick();
    const { nowMs } = time;
    const late = nowMs - this.#sweptAtMs > LATE_MS;
    this.#sweptAtMs = nowMs;
    const stage = overload[0]!;
    engine.frugal = stage >= OverloadStage.refuseStreams;
    if (stage >= OverloadStage.stopReading) this.#readingStop.update();
    else this.#readingStop.release();
    this.callers.forget(nowMs);
    workerRow[WorkerColumn.guard + GuardCell.callers] = this.callers.size;
    if (late) return;
    this.#lookAtClients(nowMs);
    if (nowMs < this.#upstreamsAtMs) return;
    this.#upstreamsAtMs = nowMs + ROUND_MS - 10;
    for (const subchannel of subchannels) subchannel?.checkKeepalive(nowMs);
  }

  /** Rounds take a second, in four parts: a round of many connections does not hold up the requests of one turn. */
  #lookAtClients(nowMs: number): void {
    const { downstream } = this.#context;
    if (this.#round === undefined) {
      if (nowMs < this.#roundAtMs) return;
      this.#roundAtMs = nowMs + ROUND_MS - 10;
      this.#looksPerSweep = Math.max(MIN_LOOKS, Math.ceil(downstream.size / 4));
      this.#round = downstream.values();
    }
    for (let looks = 0; looks < this.#looksPerSweep; looks++) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = undefined;
        return;
      }
      this.#look(next.value, nowMs);
    }
  }

  #look(connection: GuardedConnection, nowMs: number): void {
    const { state } = connection.connection;
    if (state.closed || state.failed || connection.channel.held) return;
    const verdict = connection.watch.check(state, this.#options, nowMs);
    if (verdict !== WatchVerdict.none) this.#act(connection, verdict);
  }

  #act(connection: GuardedConnection, verdict: WatchVerdict): void {
    const { workerRow } = this.#context;
    const { state } = connection.connection;
    switch (verdict) {
      case WatchVerdict.ping:
        workerRow[WorkerColumn.guard + GuardCell.downstreamPings]!++;
        return connection.connection.ping(KEEPALIVE_TOKEN);
      case WatchVerdict.handshakeTimeout:
        this.#count(CloseReason.handshakeTimeout);
        return connection.channel.destroy();
      case WatchVerdict.headersTimeout:
        this.#count(CloseReason.headersTimeout);
        return failConnection(state, ErrorCode.enhanceYourCalm, "a header section took too long");
      case WatchVerdict.keepaliveTimeout:
        this.#count(CloseReason.keepaliveTimeout);
        return connection.channel.destroy();
      case WatchVerdict.idle:
        this.#count(CloseReason.idle);
        return connection.drain();
      case WatchVerdict.maxAge:
        this.#count(CloseReason.maxAge);
        return connection.drain();
    }
  }

  #count(reason: CloseReason): void {
    this.#context.workerRow[WorkerColumn.guard + GuardCell.closed + reason]!++;
  }
}
