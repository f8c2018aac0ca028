import type { Random } from "../../base/random.ts";
import type { AttemptRecord, CallRecord } from "./call-record.ts";
import type { SpanBatch } from "./span-batch.ts";
import { attributeKey, SpanOctets } from "./span-octets.ts";

/** Calls of one batch, and the octets at which it is full whatever their number: what a collector is sent in one request. */
const MAX_BATCH = 512;
const FULL_OCTETS = 524_288;
/** Calls that wait to be taken, and full batches. */
const MAX_CALLS = 4_096;
const MAX_BATCHES = 8;
const SPAN_OCTETS = 8;
/** Octets of an id that are drawn at once. */
const DRAWN_OCTETS = 3;
/** Characters of text in an attribute at most. */
const MAX_TEXT = 1_024;

/** Fields of a Span, with their wire types, and of ScopeSpans the one of spans. Source: opentelemetry/proto/trace/v1/trace.proto. */
const FIELD = {
  spans: (2 << 3) | 2,
  traceId: (1 << 3) | 2,
  spanId: (2 << 3) | 2,
  parentSpanId: (4 << 3) | 2,
  name: (5 << 3) | 2,
  kind: 6 << 3,
  start: (7 << 3) | 1,
  end: (8 << 3) | 1,
  /** Status. */
  status: (15 << 3) | 2,
  /** Of a status. */
  code: 3 << 3,
} as const;
/** Kinds and statuses of spans. Source: the same. */
const KIND = { server: 2, client: 3 } as const;
const STATUS_ERROR = 2;
/** Statuses that are the serving side's fault: 2, 4, 12, 13, 14, 15, as bits. Source: OpenTelemetry semantic conventions, "gRPC", status of server spans. */
const SERVER_FAULTS = 0b1111_0000_0001_0100;

/** Methods, and clusters, of which what is alike in all spans is kept. */
const MOST_KNOWN = 256;

/** What all calls of one method have alike, and their attempts. */
interface KnownMethod {
  readonly authority: string;
  readonly call: Uint8Array;
  readonly attempt: Uint8Array;
}

/** What all calls to one cluster have alike. */
interface KnownCluster {
  readonly policy: string;
  readonly call: Uint8Array;
}

const KEY = {
  system: attributeKey("rpc.system"),
  service: attributeKey("rpc.service"),
  method: attributeKey("rpc.method"),
  status: attributeKey("rpc.grpc.status_code"),
  authority: attributeKey("server.address"),
  pod: attributeKey("k8s.pod.name"),
  namespace: attributeKey("k8s.namespace.name"),
  cluster: attributeKey("isobar.cluster"),
  route: attributeKey("isobar.route"),
  policy: attributeKey("isobar.lb_policy"),
  flag: attributeKey("isobar.response_flag"),
  retries: attributeKey("isobar.retries"),
  requestOctets: attributeKey("isobar.request.octets"),
  responseOctets: attributeKey("isobar.response.octets"),
  previous: attributeKey("previous-rpc-attempts"),
  address: attributeKey("network.peer.address"),
  port: attributeKey("network.peer.port"),
  zone: attributeKey("isobar.endpoint.zone"),
  pick: attributeKey("isobar.pick"),
} as const;

/**
 * Makes calls and their attempts into spans of OTLP, in protobuf, as they end: what goes to another thread is octets, which nobody takes apart again. Names of
 * attributes are those of OpenTelemetry's RPC conventions and gRFC A72; what is the proxy's own begins with `isobar.`.
 */
export class SpanWriter {
  readonly #octets = new SpanOctets();
  readonly #ids: Random;
  readonly #callSpanId = new Uint8Array(SPAN_OCTETS);
  readonly #attemptSpanId = new Uint8Array(SPAN_OCTETS);
  /** By path, and by name. */
  readonly #methods = new Map<string, KnownMethod>();
  readonly #clusters = new Map<string, KnownCluster>();
  /** Full ones; those of {@link #calls} are being written. */
  #batches: SpanBatch[] = [];
  #calls = 0;
  /** Calls that were written and not taken yet. */
  #waiting = 0;

  /** @param ids what ids are drawn from. */
  constructor(ids: Random) {
    this.#ids = ids;
  }

  /** Puts a new id there. */
  drawTrace(id: Uint8Array): void {
    this.#draw(id);
  }

  /** A call has ended. @returns whether there was room for it. */
  write(call: CallRecord): boolean {
    if (this.#waiting >= MAX_CALLS || this.#batches.length >= MAX_BATCHES) return false;
    this.#draw(this.#callSpanId);
    const method = this.#methodOf(call.path, call.authority);
    this.#writeCall(call, method);
    for (let i = 0; i < call.attemptCount; i++) this.#writeAttempt(call, method, call.attempts[i]!, i);
    this.#waiting++;
    if (++this.#calls >= MAX_BATCH || this.#octets.length >= FULL_OCTETS) this.#close();
    return true;
  }

  /** @returns what was written since the last time; undefined when nothing was. */
  take(): readonly SpanBatch[] | undefined {
    if (this.#waiting === 0) return undefined;
    if (this.#calls > 0) this.#close();
    const batches = this.#batches;
    this.#batches = [];
    this.#waiting = 0;
    return batches;
  }

  /** Nothing is traced any more. */
  rest(): void {
    this.#octets.rest();
    this.#methods.clear();
    this.#clusters.clear();
  }

  #close(): void {
    this.#batches.push({ calls: this.#calls, octets: this.#octets.take() });
    this.#calls = 0;
  }

  #writeCall(call: CallRecord, method: KnownMethod): void {
    const octets = this.#octets;
    const start = octets.begin(FIELD.spans);
    octets.octets(FIELD.traceId, call.traceId);
    octets.octets(FIELD.spanId, this.#callSpanId);
    if (call.hasParent) octets.octets(FIELD.parentSpanId, call.parentSpanId);
    octets.append(method.call);
    octets.nanoseconds(FIELD.start, call.startMs);
    octets.nanoseconds(FIELD.end, call.endMs);
    octets.numberAttribute(KEY.status, call.grpcStatus);
    octets.textAttribute(KEY.pod, call.sourcePod);
    octets.textAttribute(KEY.namespace, call.sourceNamespace);
    octets.append(this.#clusterOf(call.cluster, call.policy).call);
    octets.textAttribute(KEY.route, call.route);
    octets.textAttribute(KEY.flag, call.responseFlag);
    octets.numberAttribute(KEY.retries, call.retries);
    octets.numberAttribute(KEY.requestOctets, call.requestOctets);
    octets.numberAttribute(KEY.responseOctets, call.responseOctets);
    if (call.grpcStatus < 32 && (SERVER_FAULTS >> call.grpcStatus) & 1) this.#fault();
    octets.end(start);
  }

  #writeAttempt(call: CallRecord, method: KnownMethod, attempt: AttemptRecord, index: number): void {
    const octets = this.#octets;
    const start = octets.begin(FIELD.spans);
    this.#draw(this.#attemptSpanId);
    octets.octets(FIELD.traceId, call.traceId);
    octets.octets(FIELD.spanId, this.#attemptSpanId);
    octets.octets(FIELD.parentSpanId, this.#callSpanId);
    octets.append(method.attempt);
    octets.nanoseconds(FIELD.start, attempt.startMs);
    octets.nanoseconds(FIELD.end, attempt.endMs);
    octets.numberAttribute(KEY.previous, index);
    octets.textAttribute(KEY.address, attempt.address);
    octets.numberAttribute(KEY.port, attempt.port);
    octets.textAttribute(KEY.zone, attempt.zone);
    octets.textAttribute(KEY.pick, attempt.pick);
    if (!attempt.isOk) this.#fault();
    octets.end(start);
  }

  /** Written once, where spans are written, and taken back from there. */
  #methodOf(path: string, authority: string): KnownMethod {
    const known = this.#methods.get(path);
    if (known?.authority === authority) return known;
    const octets = this.#octets;
    const start = octets.length;
    const name = path.slice(1, MAX_TEXT);
    const split = path.lastIndexOf("/");
    octets.text(FIELD.name, name || "unknown");
    octets.small(FIELD.kind, KIND.server);
    octets.textAttribute(KEY.system, "grpc");
    octets.textAttribute(KEY.service, path.slice(1, Math.max(1, split)).slice(0, MAX_TEXT));
    octets.textAttribute(KEY.method, path.slice(split + 1, split + 1 + MAX_TEXT));
    octets.textAttribute(KEY.authority, authority.slice(0, MAX_TEXT));
    const call = octets.since(start);
    octets.length = start;
    octets.text(FIELD.name, `Attempt.${name}`);
    octets.small(FIELD.kind, KIND.client);
    octets.textAttribute(KEY.system, "grpc");
    const attempt = octets.since(start);
    octets.length = start;
    if (this.#methods.size >= MOST_KNOWN) this.#methods.clear();
    const method = { authority, call, attempt };
    this.#methods.set(path, method);
    return method;
  }

  #clusterOf(name: string, policy: string): KnownCluster {
    const known = this.#clusters.get(name);
    if (known?.policy === policy) return known;
    const octets = this.#octets;
    const start = octets.length;
    octets.textAttribute(KEY.cluster, name.slice(0, MAX_TEXT));
    octets.textAttribute(KEY.policy, policy);
    const cluster = { policy, call: octets.since(start) };
    octets.length = start;
    if (this.#clusters.size >= MOST_KNOWN) this.#clusters.clear();
    this.#clusters.set(name, cluster);
    return cluster;
  }

  #fault(): void {
    const start = this.#octets.begin(FIELD.status);
    this.#octets.small(FIELD.code, STATUS_ERROR);
    this.#octets.end(start);
  }

  /** Fills an id, not with zeros alone: that is none. */
  #draw(id: Uint8Array): void {
    let all = 0;
    while (all === 0) {
      for (let at = 0; at < id.length; at += DRAWN_OCTETS) {
        let drawn = this.#ids.nextInt(2 ** (8 * DRAWN_OCTETS));
        for (let i = at; i < at + DRAWN_OCTETS && i < id.length; i++) {
          id[i] = drawn & 0xff;
          all |= id[i]!;
          drawn >>= 8;
        }
      }
    }
  }
}
