import type { ResourceChange, ResourceSource } from "../cache/resource-source.ts";
import { ClientViews } from "../resources/client-view.ts";
import type { TypeUrl } from "../resources/type-url.ts";
import type { Admission, ClientSession, Refusal } from "./admission.ts";
import { ADS_SERVICE } from "./ads-service.ts";
import type { AdsStream, StreamEvents, StreamPort, StreamSurroundings } from "./ads-stream.ts";
import { DeltaServerStream } from "./delta-server-stream.ts";
import type { GrpcCall } from "./grpc/grpc-call.ts";
import type { Method } from "./grpc/grpc-connection.ts";
import { GrpcServer } from "./grpc/grpc-server.ts";
import { PushPacer } from "./push-pacer.ts";
import { PushSlices } from "./push-slices.ts";
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

type MakeStream = (id: number, port: StreamPort) => AdsStream;

/** What of a call is looked at before it is let in. */
export type AdmissibleCall = Pick<GrpcCall, "peer" | "authorization" | "fail" | "isOver">;

const ANYBODY: ClientSession = { who: "anybody", enter: () => undefined, leave: () => {} };

const COALESCE_MS = 40;
const MAX_STREAMS = 20_000;
/** A client's list of everything it holds is its largest request. */
const MAX_REQUEST_OCTETS = 16 * 1_048_576;
/** A client that is gone without a word is noticed within a minute. */
const KEEPALIVE_TIME_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 20_000;
/** gRPC status codes. */
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const INTERNAL = 13;

/**
 * Serves resources over aggregated xDS (ADS) in both forms, SotW and delta. It knows streams and what each has been sent; what there is it asks
 * the source.
 */
export class AdsServer {
  readonly #source: ResourceSource;
  readonly #onFault: AdsServerOptions["onFault"];
  readonly #server: GrpcServer;
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
  readonly #due: PushSlices<AdsStream>;
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
    const sent = (): void => this.#server.flush();
    this.#due = new PushSlices(
      { nowMs: this.#shared.nowMs, later: setImmediate, sent },
      ({ nodeId }, error) => this.#onFault(nodeId, error),
    );
    this.#server = new GrpcServer({
      maxMessageOctets: MAX_REQUEST_OCTETS,
      keepaliveMs: KEEPALIVE_TIME_MS,
      keepaliveTimeoutMs: KEEPALIVE_TIMEOUT_MS,
    });
    const { StreamAggregatedResources: sotw, DeltaAggregatedResources: delta } = ADS_SERVICE;
    this.#server.handle(sotw.path, (call) =>
      this.#accept(call, (id, port) => new SotwStream(id, port, this.#shared)),
    );
    this.#server.handle(delta.path, (call) =>
      this.#accept(call, (id, port) => new DeltaServerStream(id, port, this.#shared)),
    );
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
    const at = address.lastIndexOf(":");
    const host = address.slice(0, at).replace(/^\[(.*)\]$/, "$1");
    const port = Number(address.slice(at + 1));
    if (identity === undefined) return this.#server.listen(host, port);
    this.#door = new TlsDoor(identity, {
      onConnection: (socket) => this.#server.take(socket),
      onRefused: this.#onConnectionFailed,
    });
    return this.#door.listen(host, port);
  }

  /** Connections are made with this from now on; those that stand go on. Where {@link listen} was given an identity. */
  use(identity: ServerIdentity): void {
    this.#door?.use(identity);
  }

  /** Ends all streams; clients come back elsewhere. */
  close(): void {
    this.#pacer.close();
    this.#door?.close();
    this.#server.close();
  }

  /** Serves another gRPC method on the same port; who may use it it asks {@link admit}. @param path `/package.Service/Method`. */
  handle(path: string, method: Method): void {
    this.#server.handle(path, method);
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
    const { peer } = call;
    this.#door?.spoke(peer);
    if (this.#admission === undefined) return ANYBODY;
    const [, token = ""] = /^Bearer +([!-~]+)$/i.exec(call.authorization) ?? [];
    const session = await this.#admission.admit({
      peer,
      token,
      certificate: this.#door?.certificateOf(peer),
    });
    if ("code" in session) {
      this.#onRefused(peer, session);
      call.fail(session.code, session.message);
      return undefined;
    }
    if (!call.isOver) return session;
    session.leave();
    return undefined;
  }

  #accept(call: GrpcCall, make: MakeStream): void {
    if (this.#streams.size + this.#waiting >= MAX_STREAMS) {
      call.fail(RESOURCE_EXHAUSTED, `${MAX_STREAMS} streams are open, which is the most there may be`);
      return;
    }
    if (this.#admission === undefined) {
      this.#door?.spoke(call.peer);
      this.#begin(call, make, undefined);
      return;
    }
    this.#waiting++;
    void this.admit(call)
      .then((session) => {
        if (session !== undefined) this.#begin(call, make, session);
      })
      .catch((error: unknown) => {
        this.#onFault(call.peer, error);
        call.fail(INTERNAL, "a fault of the control plane itself");
      })
      .finally(() => this.#waiting--);
  }

  #begin(call: GrpcCall, make: MakeStream, session: ClientSession | undefined): void {
    const { peer } = call;
    const wake = (): void => {
      if (!this.#streams.has(stream)) return;
      this.#due.add([stream]);
    };
    const stream: AdsStream = make(++this.#lastStream, {
      peer,
      fail: (code, message) => call.fail(code, message),
      write: (parts) => call.write(parts),
      session,
      wake,
    });
    this.#streams.add(stream);
    const guarded = (action: () => void) => {
      if (!this.#streams.has(stream)) return;
      try {
        action();
      } catch (error) {
        this.#onFault(peer, error);
        this.#end(stream);
        call.fail(INVALID_ARGUMENT, `the request cannot be read: ${String(error)}`);
      }
    };
    call.serve({
      onMessage: (octets) => guarded(() => stream.receive(octets)),
      onDrained: () => guarded(() => stream.drained()),
      onEnd: () => call.end(),
      onClosed: () => this.#end(stream),
    });
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
  }

  #flushAll(): void {
    this.#due.add([...this.#streams]);
  }
}

function afterMs(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}
