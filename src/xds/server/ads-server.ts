import type { ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import { experimental, Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { ResourceChange, ResourceSource } from "../cache/resource-source.ts";
import { ClientViews } from "../resources/client-view.ts";
import type { TypeUrl } from "../resources/type-url.ts";
import type { Admission, ClientSession, Refusal } from "./admission.ts";
import { ADS_SERVICE } from "./ads-service.ts";
import type { AdsStream, StreamEvents, StreamPort, StreamSurroundings } from "./ads-stream.ts";
import { DeltaServerStream } from "./delta-server-stream.ts";
import { DueStreams } from "./due-streams.ts";
import { PushPacer } from "./push-pacer.ts";
import type { ServerIdentity } from "./server-identity.ts";
import { SotwStream } from "./sotw-stream.ts";
import type { StreamStatus } from "./stream-status.ts";
import { SubscriptionIndex } from "./subscription-index.ts";
import { TlsDoor } from "./tls-door.ts";

/** What an {@link AdsServer} needs to know before it exists. */
export interface AdsServerOptions {
  readonly source: ResourceSource;
  readonly events: StreamEvents;
  /** A request could not be read, or we failed. */
  readonly onFault: (peer: string, error: unknown) => void;
  /** Changes of one service that follow another within this time are put together, in ms. Default 50. */
  readonly coalesceMs?: number;
  /** Who may open streams; default: everybody. */
  readonly admission?: Admission | undefined;
  /** A client was not let in. */
  readonly onRefused?: ((peer: string, refusal: Refusal) => void) | undefined;
  /** A client's connection has failed before it asked for anything. */
  readonly onConnectionFailed?: ((peer: string, reason: string) => void) | undefined;
}

type Call = ServerDuplexStream<Buffer, Buffer>;

/** What of a call is looked at before it is let in. */
export type AdmissibleCall = Pick<Call, "getPeer" | "metadata" | "emit" | "cancelled">;

const ANYBODY: ClientSession = { who: "anybody", enter: () => undefined, leave: () => {} };

const COALESCE_MS = 50;
/** Streams that are sent to in one go, before what has come is read: a millisecond or two. */
const SLICE = 20;
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
  readonly #admission: Admission | undefined;
  readonly #onRefused: (peer: string, refusal: Refusal) => void;
  readonly #onConnectionFailed: (peer: string, reason: string) => void;
  readonly #streams = new Set<AdsStream>();
  /** Streams that are not let in yet. */
  #waiting = 0;
  #door: TlsDoor | undefined;
  readonly #index = new SubscriptionIndex<AdsStream>();
  readonly #shared: StreamSurroundings;
  readonly #pacer: PushPacer;
  readonly #changes = new Map<string, Map<string, ResourceChange["resources"][number]>>();
  /** Streams that may have something to send. */
  readonly #due = new DueStreams<AdsStream>();
  #isSliceAhead = false;
  #lastStream = 0;

  constructor(options: AdsServerOptions) {
    this.#source = options.source;
    this.#onFault = options.onFault;
    this.#admission = options.admission;
    this.#onRefused = options.onRefused ?? (() => {});
    this.#onConnectionFailed = options.onConnectionFailed ?? (() => {});
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
      // Counters of each message, for a service that is not served.
      "grpc.enable_channelz": 0,
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
   * @param identity default: clear text.
   * @returns the port as bound.
   * @throws when the address cannot be bound.
   */
  listen(address: string, identity?: ServerIdentity): Promise<number> {
    if (identity !== undefined) return this.#listenBehindDoor(address, identity);
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }

  /** Connections are made with this from now on; those that stand go on. Where {@link listen} was given an identity. */
  use(identity: ServerIdentity): void {
    this.#door?.use(identity);
  }

  #listenBehindDoor(address: string, identity: ServerIdentity): Promise<number> {
    const { host, port = 0 } = experimental.splitHostPort(address) ?? { host: address };
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#door = new TlsDoor(identity, {
      onConnection: (socket) => injector.injectConnection(socket),
      onRefused: this.#onConnectionFailed,
    });
    return this.#door.listen(host, port);
  }

  /** Ends all streams; clients come back elsewhere. */
  close(): void {
    this.#pacer.close();
    this.#door?.close();
    this.#server.forceShutdown();
  }

  /** Serves another gRPC service on the same port; who may use it it asks {@link admit}. Before {@link listen}. */
  handle(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    this.#server.addService(definition, implementation);
  }

  /** @returns how many streams ask for a resource by its name. */
  audience(type: TypeUrl, name: string): number {
    return this.#index.count(type, name);
  }

  get streams(): Iterable<AdsStream> {
    return this.#streams;
  }

  /** @param node with everything that clients of this node have; undefined: of all clients, with the numbers of what they have. */
  status(node?: string): readonly StreamStatus[] {
    const streams = [...this.#streams].filter(({ nodeId }) => node === undefined || nodeId === node);
    return streams.map((stream) => stream.status(node !== undefined));
  }

  /**
   * Asks whether the client of a call may have anything; until that is known nothing of the call is read. Whoever may not is told why.
   *
   * @returns undefined where the call is over; without an {@link AdsServerOptions.admission} a session that may have everything.
   */
  async admit(call: AdmissibleCall): Promise<ClientSession | undefined> {
    const peer = call.getPeer();
    this.#door?.spoke(peer);
    if (this.#admission === undefined) return ANYBODY;
    const [authorization = ""] = call.metadata.get("authorization");
    const [, token = ""] = /^Bearer +([!-~]+)$/i.exec(String(authorization)) ?? [];
    const session = await this.#admission.admit({
      peer,
      token,
      certificate: this.#door?.certificateOf(peer),
    });
    if ("code" in session) {
      this.#onRefused(peer, session);
      call.emit("error", { code: session.code, details: session.message });
      return undefined;
    }
    if (!call.cancelled) return session;
    session.leave();
    return undefined;
  }

  #accept(call: Call, make: (id: number, port: StreamPort) => AdsStream): void {
    if (this.#streams.size + this.#waiting >= MAX_STREAMS) {
      const details = `${MAX_STREAMS} streams are open, which is the most there may be`;
      call.emit("error", { code: status.RESOURCE_EXHAUSTED, details });
      return;
    }
    if (this.#admission === undefined) {
      this.#door?.spoke(call.getPeer());
      this.#begin(call, make, undefined);
      return;
    }
    this.#waiting++;
    call.on("error", () => {});
    void this.admit(call)
      .then((session) => {
        if (session !== undefined) this.#begin(call, make, session);
      })
      .catch((error: unknown) => {
        this.#onFault(call.getPeer(), error);
        call.emit("error", { code: status.INTERNAL, details: "a fault of the control plane itself" });
      })
      .finally(() => this.#waiting--);
  }

  #begin(
    call: Call,
    make: (id: number, port: StreamPort) => AdsStream,
    session: ClientSession | undefined,
  ): void {
    const peer = call.getPeer();
    const fail = (code: number, details: string) => call.emit("error", { code, details });
    const wake = (): void => {
      if (!this.#streams.has(stream)) return;
      this.#due.add([stream]);
      this.#flushDue();
    };
    const port: StreamPort = { peer, fail, write: (octets) => call.write(octets), session, wake };
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
    const streams: AdsStream[] = [];
    for (const { type, name } of resources?.values() ?? []) {
      this.#index.forEach(type, name, (stream) => {
        stream.markChanged(type, name);
        streams.push(stream);
      });
    }
    this.#due.add(streams);
    this.#flushDue();
  }

  #flushAll(): void {
    this.#due.add([...this.#streams]);
    this.#flushDue();
  }

  #flushDue(): void {
    if (this.#isSliceAhead || this.#due.size === 0) return;
    this.#isSliceAhead = true;
    setImmediate(() => this.#flushSlice());
  }

  #flushSlice(): void {
    this.#isSliceAhead = false;
    for (let left = SLICE; left > 0; left--) {
      const stream = this.#due.take();
      if (stream === undefined) break;
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
