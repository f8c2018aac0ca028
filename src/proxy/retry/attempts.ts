import { Role } from "../../h2/connection-state.ts";
import { ErrorCode } from "../../h2/error-code.ts";
import { AttemptOutcome, outcomeOfStatus } from "../../lb/outlier/attempt-outcome.ts";
import { ClusterColumn } from "../../telemetry/cluster-counters.ts";
import { PolicyReason } from "../../telemetry/policy-reason.ts";
import { RETRY_REASON_NAMES } from "../../telemetry/retry-reason.ts";
import { RetryResult } from "../../telemetry/retry-result.ts";
import { abandonAttempt, abandonUpstream, fail } from "../exchange-fail.ts";
import { ExchangeBit, Phase } from "../exchange-table.ts";
import type { ProxyContext } from "../proxy-context.ts";
import { PROXY_ERRORS } from "../proxy-error.ts";
import type { AttemptOpener } from "./attempt-opener.ts";
import type { AttemptPolicy } from "./attempt-policy.ts";
import { LossBit } from "./attempt-policy.ts";
import type { PathSource } from "./hedged-methods.ts";
import { Hedges } from "./hedges.ts";
import { IdleStreams } from "./idle-streams.ts";

/** A request is not held longer than this because an endpoint says so: its client is told instead, and may wait itself. */
const MAX_PUSHBACK_MS = 10_000;
/** What ends one of several attempts and says nothing about the others, whatever the policy is. */
const HARMLESS =
  LossBit.connectFailure | LossBit.refusedStream | LossBit.perTryTimeout | LossBit.notSent | LossBit.noMemory;

/** What the decoder knows of a request or response whose header section was just read. */
export interface RequestFacts extends PathSource {
  /** grpc-timeout, -1 without one. */
  readonly timeoutMs: number;
}
export interface ResponseFacts {
  readonly status: number;
  readonly grpcStatus: number;
  readonly retryPushbackMs: number;
}

/**
 * Watches the attempts of requests whose cluster or route asks for it: sends them once more when they fail, or beside an attempt
 * that takes long, until the answer begins. From then on nothing is repeated, and the request is as cheap as any other.
 *
 *     attached ──lost, may be tried again──▶ backing off ──▶ opening (Dispatcher)
 *        │  └──hedge delay passed──▶ a second stream beside the first (Hedges)
 *        └──response headers──▶ committed: the others are reset
 */
export class Attempts {
  readonly hedges: Hedges;
  readonly idle: IdleStreams;
  readonly #context: ProxyContext;
  readonly #opener: AttemptOpener;
  /** By client stream; of those that are watched only. */
  readonly #policies: (AttemptPolicy | undefined)[] = [];

  constructor(context: ProxyContext, opener: AttemptOpener) {
    this.#context = context;
    this.#opener = opener;
    this.hedges = new Hedges(context, opener);
    this.idle = new IdleStreams(context);
  }

  /**
   * Begins to watch a request that has just come.
   *
   * @returns its time limit in ms: its own or the policy's, whichever is shorter; -1 for none.
   */
  begin(slot: number, policy: AttemptPolicy, request: RequestFacts): number {
    const { exchanges, engine, replyScratch } = this.#context;
    if (policy.supervises) {
      // One by one: V8 keeps an array that grows by leaps as a dictionary.
      while (this.#policies.length <= slot) this.#policies.push(undefined);
      this.#policies[slot] = policy;
      exchanges.bits[slot]! |= ExchangeBit.supervised;
      const hedged = policy.hedged?.includes(request, engine.pool, engine.slab.bytes, replyScratch) === true;
      this.hedges.allowed[slot] = hedged ? 1 : 0;
    }
    if (policy.idleTimeoutMs > 0) this.idle.watch(slot, policy.idleTimeoutMs);
    const limit = policy.requestTimeoutMs;
    if (limit === 0 || (request.timeoutMs >= 0 && request.timeoutMs <= limit)) return request.timeoutMs;
    exchanges.bits[slot]! |= ExchangeBit.ownDeadline;
    return limit;
  }

  /** A watched request has a stream at an endpoint. */
  sent(slot: number): void {
    if (this.#context.exchanges.bits[slot]! & ExchangeBit.requestEnded) this.complete(slot);
  }

  /** A watched request is complete: from now on the endpoint is to blame for the time it takes. */
  complete(slot: number): void {
    const { exchanges } = this.#context;
    const stream = exchanges.peer[slot]!;
    if (stream === 0 || exchanges.phase[slot] !== Phase.attached) return;
    const policy = this.#policies[slot]!;
    if (policy.perTryTimeoutMs > 0) this.#arm(stream, policy.perTryTimeoutMs);
    if (this.hedges.mayBegin(slot, policy)) this.#arm(slot, policy.hedgeDelayMs);
  }

  /**
   * Takes the first header sections of a watched request's answer.
   *
   * @param stream the endpoint's, `slot` the client's.
   * @returns true when the section is not for the client: it stands for an attempt that others take the place of.
   */
  headers(stream: number, slot: number, response: ResponseFacts, endStream: boolean): boolean {
    const { exchanges } = this.#context;
    const several = this.#several(slot);
    if (response.status < 200) return several;
    const { grpcStatus, retryPushbackMs } = response;
    if (endStream && grpcStatus > 0 && grpcStatus <= 16) {
      const policy = this.#policies[slot]!;
      const loss = 1 << grpcStatus;
      if (several && loss & policy.on) {
        this.#drop(stream, slot, response);
        this.#goOn(slot, policy, retryPushbackMs);
        return true;
      }
      const waitMs = several ? -1 : this.#take(slot, policy, loss, reasonOf(grpcStatus), retryPushbackMs);
      if (waitMs >= 0) {
        this.#drop(stream, slot, response);
        this.#again(slot, waitMs, reasonOf(grpcStatus));
        return true;
      }
    }
    exchanges.bits[slot]! &= ~ExchangeBit.supervised;
    const { attemptTimers } = this.#context;
    attemptTimers.clear(stream);
    // Only hedges wait for anything while an attempt is attached.
    if (this.hedges.allowed[slot] !== 0) {
      attemptTimers.clear(slot);
      this.hedges.settle(slot, stream);
    }
    return false;
  }

  /**
   * An attempt was lost, and has been parted from its request. If others of the request are under way and the loss says
   * nothing about them, they go on.
   *
   * @param loss {@link LossBit}s.
   * @returns true when nothing more is to be done; otherwise no attempt is left.
   */
  goesOn(slot: number, loss: number): boolean {
    if (!this.#several(slot, 0)) return false;
    const policy = this.#policies[slot]!;
    if (!(loss & (policy.on | HARMLESS))) {
      abandonUpstream(this.#context, slot, ErrorCode.cancel);
      return false;
    }
    this.#goOn(slot, policy, -1);
    return true;
  }

  /**
   * Sends a request whose only attempt was lost once more, if its policy wants it and all that it takes is there.
   *
   * @returns false when its client has to be told.
   */
  retry(slot: number, loss: number, reason: PolicyReason): boolean {
    const waitMs = this.#take(slot, this.#policies[slot]!, loss, reason, -1);
    if (waitMs < 0) return false;
    this.#again(slot, waitMs, reason);
    return true;
  }

  /** A timer of `context.attemptTimers` has run out: a wait of a client's stream, or an endpoint's time for its answer. */
  readonly expire = (slot: number): void => {
    const { exchanges, engine } = this.#context;
    const { streams } = engine;
    if (streams.id[slot] === 0) return;
    if (engine.connections[streams.connection[slot]!]?.role === Role.client) {
      this.#tookTooLong(slot);
    } else if (exchanges.phase[slot] === Phase.backingOff) {
      this.#opener.open(slot);
    } else if (exchanges.phase[slot] === Phase.attached && exchanges.bits[slot]! & ExchangeBit.supervised) {
      this.#hedge(slot, this.#policies[slot]!);
    }
  };

  #tookTooLong(stream: number): void {
    const context = this.#context;
    const { exchanges, clusters } = context;
    const slot = exchanges.peer[stream]!;
    if (slot === 0 || !(exchanges.bits[slot]! & ExchangeBit.supervised)) return;
    const cluster = clusters[exchanges.cluster[slot]!]!;
    cluster.row[ClusterColumn.perTryTimeouts]!++;
    abandonAttempt(context, slot, stream, ErrorCode.cancel, AttemptOutcome.late);
    if (this.goesOn(slot, LossBit.perTryTimeout)) return;
    if (this.retry(slot, LossBit.perTryTimeout, PolicyReason.perTryTimeout)) return;
    fail(context, slot, PROXY_ERRORS.perTryTimeout, cluster.snapshot.name);
  }

  /** @param beside how many attempts are left out of account. */
  #several(slot: number, beside = 1): boolean {
    const { exchanges } = this.#context;
    if (exchanges.bits[slot]! & ExchangeBit.hedgeWaiting) return true;
    return beside === 0 ? exchanges.peer[slot] !== 0 : exchanges.hedge[slot] !== 0;
  }

  /** Ends an attempt whose answer is not for the client. */
  #drop(stream: number, slot: number, { grpcStatus, retryPushbackMs }: ResponseFacts): void {
    const outcome = retryPushbackMs >= 0 ? AttemptOutcome.load : outcomeOfStatus(grpcStatus);
    abandonAttempt(this.#context, slot, stream, ErrorCode.cancel, outcome);
  }

  /** One of several attempts has failed: the next hedge need not wait any longer. */
  #goOn(slot: number, policy: AttemptPolicy, pushbackMs: number): void {
    this.hedges.promote(slot);
    if (pushbackMs > MAX_PUSHBACK_MS) this.hedges.allowed[slot] = 2;
    else if (pushbackMs > 0) this.#arm(slot, pushbackMs);
    else this.#hedge(slot, policy);
  }

  /** Begins a hedge, and sees to the next. */
  #hedge(slot: number, policy: AttemptPolicy): void {
    this.#context.attemptTimers.clear(slot);
    const stream = this.hedges.begin(slot, policy);
    if (stream > 0 && policy.perTryTimeoutMs > 0) this.#arm(stream, policy.perTryTimeoutMs);
    // The first answer may have come, or the last attempt gone, while the hedge was sent.
    const open = (this.#context.exchanges.bits[slot]! & ExchangeBit.supervised) !== 0;
    if (open && this.hedges.mayBegin(slot, policy)) this.#arm(slot, policy.hedgeDelayMs);
  }

  /** A hedge that waited for a connection has one. */
  hedgeReady(slot: number, stream: number): void {
    const { perTryTimeoutMs } = this.#policies[slot]!;
    if (stream > 0 && perTryTimeoutMs > 0) this.#arm(stream, perTryTimeoutMs);
  }

  /** A hedge could not wait where it did: it is tried elsewhere. */
  hedgeLeft(slot: number): void {
    this.#context.exchanges.bits[slot]! &= ~ExchangeBit.hedgeWaiting;
    this.#hedge(slot, this.#policies[slot]!);
  }

  /** @returns the wait before a retry in ms, all that it takes having been taken; -1 when there is none. */
  #take(slot: number, policy: AttemptPolicy, loss: number, reason: PolicyReason, pushbackMs: number): number {
    if (!(loss & policy.on)) return -1;
    const { exchanges, clusters, random, time } = this.#context;
    const hedged = this.hedges.allowed[slot] !== 0;
    const most = hedged ? policy.maxHedges : policy.maxRetries;
    if (most === 0) return -1;
    const { row } = clusters[exchanges.cluster[slot]!]!;
    const retried = exchanges.retried[slot]!;
    // A hedge comes without a wait: the method may run twice anyway.
    const backoffMs = hedged ? 0 : policy.backoffMs(retried, random.nextFloat());
    const waitMs = pushbackMs >= 0 ? pushbackMs : backoffMs;
    const due = exchanges.dueMs[slot]!;
    let lacking: RetryResult = RetryResult.succeeded;
    if (retried >= most) lacking = RetryResult.exhausted;
    else if (!(exchanges.bits[slot]! & ExchangeBit.movable)) lacking = RetryResult.notHeld;
    else if (waitMs > MAX_PUSHBACK_MS || this.hedges.allowed[slot] === 2) lacking = RetryResult.pushback;
    else if (due > 0 && time.nowMs + waitMs >= due) lacking = RetryResult.noTime;
    else if (!clusters[exchanges.cluster[slot]!]!.takeRetry(reason, time.nowMs))
      lacking = RetryResult.overBudget;
    if (lacking === RetryResult.succeeded) return waitMs;
    row[ClusterColumn.retryResults + lacking]!++;
    return -1;
  }

  #again(slot: number, waitMs: number, reason: PolicyReason): void {
    const { exchanges, attemptTimers, explain } = this.#context;
    if (explain.isOn) explain.moved(slot, RETRY_REASON_NAMES.length + reason);
    exchanges.countMove(slot);
    exchanges.countRetry(slot);
    exchanges.grpcStatus[slot] = -1;
    exchanges.bodySent[slot] = 0;
    exchanges.phase[slot] = Phase.backingOff;
    if (waitMs > 0) {
      this.#arm(slot, waitMs);
      return;
    }
    attemptTimers.clear(slot);
    this.#opener.open(slot);
  }

  /** Sets the timer of a client's stream or an endpoint's. */
  #arm(slot: number, ms: number): void {
    const { attemptTimers, time, turn } = this.#context;
    const due = time.nowMs + ms;
    attemptTimers.clear(slot);
    attemptTimers.set(slot, due);
    if (due < time.earliestDueMs) time.earliestDueMs = due;
    turn.schedule();
  }
}

function reasonOf(grpcStatus: number): PolicyReason {
  switch (grpcStatus) {
    case 1:
      return PolicyReason.cancelled;
    case 4:
      return PolicyReason.deadlineExceeded;
    case 8:
      return PolicyReason.resourceExhausted;
    case 13:
      return PolicyReason.internal;
    default:
      return PolicyReason.unavailable;
  }
}
