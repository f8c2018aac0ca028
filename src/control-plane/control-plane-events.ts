import { HISTOGRAM_COLUMNS, observeMs } from "../telemetry/histogram-buckets.ts";
import type { Log, LogFields } from "../telemetry/log.ts";
import type { TypeUrl } from "../xds/resources/type-url.ts";
import type { Refusal, RefusalReason } from "../xds/server/admission.ts";
import type { AdsStream, StreamEvents } from "../xds/server/ads-stream.ts";
import type { Unanswered } from "../xds/server/unanswered-list.ts";

/** What has been sent and answered of one type of resource since the start. */
export interface TypeTally {
  responses: number;
  resources: number;
  octets: number;
  accepted: number;
  refused: number;
}

/** Refusals that are written to the log in a minute; a thousand clients may refuse the same thing. */
const MAX_LINES_PER_MINUTE = 60;
const MINUTE_MS = 60_000;

/** Counts what happens on streams, and says in the log what a person has to know. */
export class ControlPlaneEvents implements StreamEvents {
  readonly tallies = new Map<TypeUrl, TypeTally>();
  /** Requests for types that are not served. */
  unknownTypes = 0;
  /** Requests that could not be read, services that could not be encoded, and other faults of our own. */
  faults = 0;
  /** Clients and streams that were refused, by why. */
  readonly refusals: Record<RefusalReason, number> = {
    no_credentials: 0,
    token: 0,
    certificate: 0,
    unknown_client: 0,
    node: 0,
    unavailable: 0,
    expired: 0,
  };
  /** Services that clients asked for and may not call. */
  deniedServices = 0;
  /** Connections that ended before anything was asked for. */
  failedConnections = 0;
  /** Times from a response to its answer, as {@link observeMs} counts them. */
  readonly answerTimes = new Float64Array(HISTOGRAM_COLUMNS);
  readonly #log: Log;
  readonly #saidTypes = new WeakMap<AdsStream, Set<string>>();
  #linesLeft = MAX_LINES_PER_MINUTE;
  #minuteMs = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  pushed(_stream: AdsStream, type: TypeUrl, { resources }: Unanswered, octets: number): void {
    const tally = this.#tally(type);
    tally.responses++;
    // Names that there is nothing of are answered, too.
    for (const version of resources.values()) if (version !== "") tally.resources++;
    tally.octets += octets;
  }

  answered(stream: AdsStream, type: TypeUrl, response: Unanswered, message: string | undefined): void {
    const tally = this.#tally(type);
    observeMs(this.answerTimes, 0, performance.now() - response.sentAtMs);
    if (message === undefined) {
      tally.accepted++;
      return;
    }
    tally.refused++;
    if (!this.#mayWrite()) return;
    const resources = [...response.resources.keys()].slice(0, 10).join(", ");
    const { nodeId: node, kind } = stream;
    this.#log.warn("a client refuses resources and keeps what it had", {
      node,
      kind,
      type,
      resources,
      // Not "message": that is what the line itself is called.
      why: message,
    });
  }

  unknownType(stream: AdsStream, type: string): void {
    this.unknownTypes++;
    const said = this.#saidTypes.get(stream) ?? new Set();
    this.#saidTypes.set(stream, said);
    if (said.size >= 10 || said.has(type)) return;
    said.add(type);
    if (this.#mayWrite())
      this.#log.warn("a client asks for a type that is not served", { node: stream.nodeId, type });
  }

  fault(peer: string, error: unknown): void {
    this.faults++;
    if (this.#mayWrite()) this.#log.error("a stream failed", { peer, error });
  }

  /** A connection ended before its client asked for anything. */
  connectionFailed(peer: string, reason: string): void {
    this.failedConnections++;
    if (this.#mayWrite()) this.#log.warn("a client does not get in", { peer, reason });
  }

  /** A client was not let in. */
  refusedClient(peer: string, refusal: Refusal): void {
    this.#refused(refusal, { peer });
  }

  /** It was let in, and may have nothing (any more). */
  refused(stream: AdsStream, refusal: Refusal): void {
    this.#refused(refusal, { node: stream.nodeId, kind: stream.kind });
  }

  denied(stream: AdsStream, service: string): void {
    this.deniedServices++;
    if (!this.#mayWrite()) return;
    this.#log.warn("a client asks for a service that it may not call; for it the service does not exist", {
      node: stream.nodeId,
      client: stream.who,
      service,
      advice:
        "of a node's proxy: annotate the namespace of the Pods that call it with isobar.dev/mode, and see isobar.dev/callable-from of the service; of others: --clients",
    });
  }

  #refused({ reason, message }: Refusal, fields: LogFields): void {
    this.refusals[reason]++;
    if (reason === "expired") this.#log.debug("a stream ends with its rights", { ...fields, why: message });
    else if (this.#mayWrite()) this.#log.warn("a client is refused", { ...fields, reason, why: message });
  }

  /** A service makes no sense; what it was before is served on. */
  notEncoded(service: string, type: TypeUrl, error: unknown): void {
    this.faults++;
    if (!this.#mayWrite()) return;
    this.#log.error("a service cannot be encoded, what it was before is served on", { service, type, error });
  }

  #tally(type: TypeUrl): TypeTally {
    let tally = this.tallies.get(type);
    if (tally === undefined) {
      tally = { responses: 0, resources: 0, octets: 0, accepted: 0, refused: 0 };
      this.tallies.set(type, tally);
    }
    return tally;
  }

  #mayWrite(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#minuteMs >= MINUTE_MS) {
      this.#minuteMs = nowMs;
      this.#linesLeft = MAX_LINES_PER_MINUTE;
    }
    return this.#linesLeft-- > 0;
  }
}
