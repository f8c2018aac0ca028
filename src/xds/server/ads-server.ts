import type { ServerDuplexStream } from "@grpc/grpc-js";
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { ResourceChange, ResourceSource } from "../cache/resource-source.ts";
import { ClientViews } from "../resources/client-view.ts";
import { ADS_SERVICE } from "./ads-service.ts";
import type { AdsStream, StreamEvents, StreamPort, StreamSurroundings } from "./ads-stream.ts";
import { DeltaServerStream } from "./delta-server-stream.ts";
import { PushPacer } from "./push-pacer.ts";
import { SotwStream } from "./sotw-stream.ts";
import type { StreamStatus } from "./stream-status.ts";
import { SubscriptionIndex } from "./subscription-index.ts";

/** What an {@link AdsServer} needs to know before it exists. */
export interface AdsServerOptions {
  readonly source: ResourceSource;
  readonly events: StreamEvents;
  /** A request could not be read, or we failed. */
  readonly onFault: (peer: string, error: unknown) => void;
  /** Changes of one service that follow another within this time are put together, in ms. Default 50. */
  readonly coalesceMs?: number;
}

type Call = ServerDuplexStream<Buffer, Buffer>;

const COALESCE_MS = 50;
/** Streams that are sent to in one go, before others have their turn. */
const SLICE = 50;
const MAX_STREAMS = 20_000;
/** A client's list of everything it holds is its largest request. */
const MAX_REQUEST_OCTETS = 16 * 1_048_576;
/** A client that is gone without a word is noticed within a minute. */
const KEEPALIVE_TIME_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 20_000;
/** gRPC clients send PINGs of their own: none is too many at this distance. */
const SHORTEST_PING_DISTANCE_MS = 5_000;

/**
 * Serves resources over aggregated xDS (ADS) in both forms, SotW and delta. It knows streams and what each has been sent; what there is it asks
 * the source.
 */
export class AdsServer {
  readonly #source: ResourceSource;
  readonly #onFault: AdsServerOptions["onFault"];
  readonly #server: Server;
  readonly #streams = new Set<AdsStream>();
  readonly #index = new SubscriptionIndex<AdsStream>();
  readonly #shared: StreamSurroundings;
  readonly #pacer: PushPacer;
  readonly #changes = new Map<string, Map<string, ResourceChange["resources"][number]>>();
  /** Streams that may have something to send. */
  readonly #due = new Set<AdsStream>();
  #isSliceAhead = false;
  #lastStream = 0;

  constructor(options: AdsServerOptions) {
    this.#source = options.source;
    this.#onFault = options.onFault;
    this.#shared = {
      source: options.source,
      views: new ClientViews(),
      index: this.#index,
      events: options.events,
      nowMs: () => performance.now(),
      wallNowMs: () => Date.now(),
    };
    this.#pacer = new PushPacer(
      options.coalesceMs ?? COALESCE_MS,
      { nowMs: this.#shared.nowMs, after: afterMs },
      (service) => this.#release(service),
    );
    this.#server = new Server({
      "grpc.max_receive_message_length": MAX_REQUEST_OCTETS,
      "grpc.max_send_message_length": -1,
      "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
      "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
      "grpc.http2.min_time_between_pings_ms": SHORTEST_PING_DISTANCE_MS,
      "grpc.keepalive_permit_without_calls": 1,
    });
    this.#server.addService(ADS_SERVICE, {
      StreamAggregatedResources: (call: Call) =>
        this.#accept(call, (id, port) => new SotwStream(id, port, this.#shared)),
      DeltaAggregatedResources: (call: Call) =>
        this.#accept(call, (id, port) => new DeltaServerStream(id, port, this.#shared)),
    });
    this.#source.watch(
      (change) => this.#changed(change),
      () => this.#flushAll(),
    );
  }

  /**
   * @param address `host:port`.
   * @param credentials default: clear text.
   * @returns the port as bound.
   * @throws when the address cannot be bound.
   */
  listen(
    address: string,
    credentials: ServerCredentials = ServerCredentials.createInsecure(),
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }

  /** Ends all streams; clients come back elsewhere. */
  close(): void {
    this.#pacer.close();
    this.#server.forceShutdown();
  }

  get streams(): Iterable<AdsStream> {
    return this.#streams;
  }

  /** @param node with everything that clients of this node have; undefined: of all clients, with the numbers of what they have. */
  status(node?: string): readonly StreamStatus[] {
    const streams = [...this.#streams].filter(({ nodeId }) => node === undefined || nodeId === node);
    return streams.map((stream) => stream.status(node !== undefined));
  }

  #accept(call: Call, make: (id: number, port: StreamPort) => AdsStream): void {
    const peer = call.getPeer();
    const fail = (code: number, details: string) => call.emit("error", { code, details });
    if (this.#streams.size >= MAX_STREAMS) {
      fail(status.RESOURCE_EXHAUSTED, `${MAX_STREAMS} streams are open, which is the most there may be`);
      return;
    }
    const port: StreamPort = { peer, fail, write: (octets) => call.write(octets) };
    const stream = make(++this.#lastStream, port);
    this.#streams.add(stream);
    const guarded = (action: () => void) => {
      if (!this.#streams.has(stream)) return;
      try {
        action();
      } catch (error) {
        this.#onFault(peer, error);
        this.#end(stream);
        fail(status.INVALID_ARGUMENT, `the request cannot be read: ${String(error)}`);
      }
    };
    call.on("data", (octets: Buffer) => guarded(() => stream.receive(octets)));
    call.on("drain", () => guarded(() => stream.drained()));
    call.on("end", () => call.end());
    for (const event of ["close", "cancelled", "error"]) call.on(event, () => this.#end(stream));
  }

  #end(stream: AdsStream): void {
    if (!this.#streams.delete(stream)) return;
    this.#due.delete(stream);
    stream.closed();
  }

  #changed(change: ResourceChange): void {
    let resources = this.#changes.get(change.service);
    if (resources === undefined) {
      resources = new Map();
      this.#changes.set(change.service, resources);
    }
    for (const each of change.resources) resources.set(`${each.type} ${each.name}`, each);
    this.#pacer.offer(change.service);
  }

  /** A service's changes may go out. */
  #release(service: string): void {
    const resources = this.#changes.get(service);
    this.#changes.delete(service);
    for (const { type, name } of resources?.values() ?? []) {
      this.#index.forEach(type, name, (stream) => {
        stream.markChanged(type, name);
        this.#due.add(stream);
      });
    }
    this.#flushDue();
  }

  #flushAll(): void {
    for (const stream of this.#streams) this.#due.add(stream);
    this.#flushDue();
  }

  #flushDue(): void {
    if (this.#isSliceAhead || this.#due.size === 0) return;
    this.#isSliceAhead = true;
    setImmediate(() => this.#flushSlice());
  }

  #flushSlice(): void {
    this.#isSliceAhead = false;
    let left = SLICE;
    for (const stream of this.#due) {
      if (left-- === 0) break;
      this.#due.delete(stream);
      try {
        stream.flush();
      } catch (error) {
        this.#onFault(stream.nodeId, error);
      }
    }
    this.#flushDue();
  }
}

function afterMs(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}
