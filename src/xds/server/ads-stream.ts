import type { ResourceSource } from "../cache/resource-source.ts";
import type { Node } from "../generated/envoy/config/core/v3/base_pb.js";
import { clientKindOf } from "../resources/client-kind.ts";
import type { ClientView, ClientViews } from "../resources/client-view.ts";
import type { TypeUrl } from "../resources/type-url.ts";
import { OWN_TYPE_URL, TYPE_URL } from "../resources/type-url.ts";
import type { ClientSession, Refusal } from "./admission.ts";
import { ScopedSource } from "./scoped-source.ts";
import type { StreamStatus } from "./stream-status.ts";
import { Subscription } from "./subscription.ts";
import type { SubscriptionIndex } from "./subscription-index.ts";
import type { Unanswered } from "./unanswered-list.ts";

/** The way to the client. */
export interface StreamPort {
  readonly peer: string;
  /** @param parts of one message. @returns whether it may be followed at once; if not, {@link AdsStream.drained} is called when it may. */
  write(parts: readonly Buffer[]): boolean;
  /** Ends the stream. @param code of gRPC. */
  fail(code: number, message: string): void;
  /** Who the client has proved to be; undefined where nobody is asked. */
  readonly session?: ClientSession | undefined;
  /** There may be something to send: {@link AdsStream.flush} is called when it is this stream's turn. */
  wake(): void;
}

/** What all streams share. */
export interface StreamSurroundings {
  readonly source: ResourceSource;
  readonly views: ClientViews;
  readonly index: SubscriptionIndex<AdsStream>;
  readonly events: StreamEvents;
  /** Monotonic, and since 1970. */
  readonly nowMs: () => number;
  readonly wallNowMs: () => number;
}

/** Told what happens, for logs and metrics. */
export interface StreamEvents {
  /** @param response kept by the stream until it is answered: the same object then. */
  pushed(stream: AdsStream, type: TypeUrl, response: Unanswered, octets: number): void;
  /** @param message why it was refused; undefined if accepted. */
  answered(stream: AdsStream, type: TypeUrl, response: Unanswered, message: string | undefined): void;
  unknownType(stream: AdsStream, type: string): void;
  /** The client's first request for a type. @param brought versions of what it says it has, by name; undefined: it does not say. */
  began?(stream: AdsStream, type: TypeUrl, brought: ReadonlyMap<string, string> | undefined): void;
  /** What the client has is what there is: it is not sent. */
  current?(stream: AdsStream, type: TypeUrl, name: string): void;
  /** The client does not want it any more. */
  dropped?(stream: AdsStream, type: TypeUrl, name: string): void;
  /** The stream is over. */
  closed?(stream: AdsStream): void;
  /** It asks for a service that exists and that it may not call; told once. */
  denied?(stream: AdsStream, service: string): void;
  /** It was let in, and may have nothing any more. */
  refused?(stream: AdsStream, refusal: Refusal): void;
}

/**
 * In the order of sending: what is referred to goes before what refers to it, so that nothing leads nowhere. Source: the xDS protocol,
 * "Eventual consistency considerations".
 */
const ORDER = [
  // Says of what is taken away whether that is meant.
  OWN_TYPE_URL.serviceView,
  TYPE_URL.cluster,
  TYPE_URL.loadAssignment,
  TYPE_URL.listener,
  TYPE_URL.routeConfiguration,
  OWN_TYPE_URL.nodeView,
  OWN_TYPE_URL.replicaLoads,
  // What is captured before whose it is: callers are let through when they are known.
  OWN_TYPE_URL.captureView,
  OWN_TYPE_URL.callerView,
];
/** A client that asks for more names than this is told so. */
const MAX_NAMES = 100_000;
const MAX_NAME_LENGTH = 1_024;
/** Which Kubernetes node a client runs on, as Istio's agents say it too. */
const NODE_NAME = "NODE_NAME";
/** gRPC status codes. */
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;

/**
 * One client's stream, whichever of the two forms of the protocol it speaks. It is told what may have changed ({@link markChanged}), and
 * sends what the client does not have when {@link flush} is called. A client that has not answered is sent nothing further of that type but what
 * it asks for anew: it gets the newest version afterwards and no version in between, and cannot make us queue.
 */
export abstract class AdsStream {
  readonly id: number;
  protected readonly shared: StreamSurroundings;
  protected readonly port: StreamPort;
  readonly #sinceMs: number;
  readonly #subscriptions: ReadonlyMap<TypeUrl, Subscription>;
  /** The same by {@link ORDER}. */
  readonly #ordered: readonly Subscription[];
  /** What there is for this client. */
  protected source: ResourceSource;
  #node: Node | undefined;
  #view: ClientView | undefined;
  #blocked = false;
  #refused = false;
  #nonce = 0;

  /** @param summed whether the versions of what the client has are added up. */
  constructor(id: number, port: StreamPort, shared: StreamSurroundings, summed: boolean) {
    this.id = id;
    this.port = port;
    this.shared = shared;
    this.source = shared.source;
    this.#sinceMs = shared.wallNowMs();
    this.#ordered = ORDER.map((type) => new Subscription(type, summed));
    this.#subscriptions = new Map(this.#ordered.map((each) => [each.type, each]));
  }

  abstract readonly transport: "sotw" | "delta";

  /** A request has come. */
  abstract receive(octets: Uint8Array): void;

  /** Sends what can be sent of one type. */
  protected abstract push(subscription: Subscription, view: ClientView): void;

  get nodeId(): string {
    return this.#node?.id ?? "";
  }

  /** Where the client says that it runs; "" when it does not. */
  get place(): { readonly region: string; readonly zone: string } {
    const { region = "", zone = "" } = this.#node?.locality ?? {};
    return { region, zone };
  }

  /** @returns whether the client asks for the resource by its name. */
  asksFor(type: TypeUrl, name: string): boolean {
    return this.#subscriptions.get(type)?.names.has(name) === true;
  }

  /** Who the client has proved to be; "" where nobody is asked. */
  get who(): string {
    return this.port.session?.who ?? "";
  }

  get kind(): string {
    return this.#view?.kind ?? "unknown";
  }

  /** Resources that the client has refused and not got in another version. */
  get refusedCount(): number {
    let count = 0;
    for (const { refused } of this.#subscriptions.values()) count += refused.size;
    return count;
  }

  protected get view(): ClientView | undefined {
    return this.#view;
  }

  /** The resource may be another one, or gone. */
  markChanged(type: TypeUrl, name: string): void {
    const subscription = this.#subscriptions.get(type);
    if (subscription?.wants(name) === true) subscription.dirty.add(name);
  }

  /** Sends what is due, as far as the client keeps up. */
  flush(): void {
    const view = this.#view;
    if (view === undefined || !this.source.isSynced) return;
    for (const subscription of this.#ordered) {
      if (this.#blocked) return;
      // Mostly one type of nine, if any: every answer of a client comes by here.
      if (!subscription.isDue || this.#mustWait(subscription, view)) continue;
      this.push(subscription, view);
    }
  }

  /** It may have more services than before, or fewer. */
  #scopeChanged(): void {
    const view = this.#view;
    if (view === undefined) return;
    for (const { type, begun, wildcard, names, sent, dirty } of this.#subscriptions.values()) {
      if (!begun) continue;
      for (const name of names) dirty.add(name);
      if (!wildcard) continue;
      for (const name of sent.names()) dirty.add(name);
      for (const name of this.source.names(type, view)) dirty.add(name);
    }
    this.port.wake();
  }

  #enter(nodeId: string): void {
    const { port, shared } = this;
    const scope = port.session?.enter(
      { id: nodeId, kind: this.#view!.kind },
      {
        changed: () => this.#scopeChanged(),
        refuse: (refusal) => {
          this.#refused = true;
          shared.events.refused?.(this, refusal);
          port.fail(refusal.code, refusal.message);
        },
      },
    );
    if (scope === undefined) return;
    this.source = new ScopedSource(shared.source, scope, (service) => shared.events.denied?.(this, service));
  }

  /** What was written has gone out. */
  drained(): void {
    this.#blocked = false;
    this.flush();
  }

  /** The stream is over. */
  closed(): void {
    this.port.session?.leave();
    for (const { type, names, wildcard } of this.#subscriptions.values()) {
      for (const name of names) this.shared.index.delete(type, name, this);
      if (wildcard) this.shared.index.deleteAll(type, this);
    }
    this.shared.events.closed?.(this);
  }

  /** @param whole with every resource that the client has. */
  status(whole: boolean): StreamStatus {
    const begun = [...this.#subscriptions.values()].filter((each) => each.begun);
    const { locality, userAgentName = "", userAgentVersionType: version } = this.#node ?? {};
    return {
      stream: this.id,
      peer: this.port.peer,
      transport: this.transport,
      nodeId: this.nodeId,
      who: this.who,
      kind: this.kind,
      userAgent: userAgentName,
      agentVersion: version?.case === "userAgentVersion" ? version.value : "",
      region: locality?.region ?? "",
      zone: locality?.zone ?? "",
      sinceMs: this.#sinceMs,
      types: begun.map((each) => each.status(whole)),
    };
  }

  /** @returns the subscription that a request is about; undefined when there is nothing (more) to do. */
  protected identify(typeUrl: string, node: Node | undefined): Subscription | undefined {
    if (this.#view === undefined) {
      if (node === undefined) {
        this.port.fail(INVALID_ARGUMENT, "the first request of a stream must have a node");
        return undefined;
      }
      this.#node = node;
      const { region = "", zone = "" } = node.locality ?? {};
      this.#view = this.shared.views.of(
        clientKindOf(node.userAgentName),
        region,
        zone,
        kubernetesNodeOf(node),
      );
      this.#enter(node.id);
      if (this.#refused) return undefined;
    }
    const subscription = this.#subscriptions.get(typeUrl as TypeUrl);
    if (subscription === undefined) this.shared.events.unknownType(this, typeUrl);
    return subscription;
  }

  /** @returns whether the stream goes on. */
  protected subscribe(subscription: Subscription, name: string): boolean {
    if (!subscription.names.has(name)) {
      if (name.length > MAX_NAME_LENGTH) {
        this.port.fail(
          INVALID_ARGUMENT,
          `a name of ${name.length} characters; ${MAX_NAME_LENGTH} are the most`,
        );
        return false;
      }
      if (subscription.names.size >= MAX_NAMES) {
        this.port.fail(RESOURCE_EXHAUSTED, `more than ${MAX_NAMES} names of ${subscription.type}`);
        return false;
      }
      subscription.names.add(name);
      this.shared.index.add(subscription.type, name, this);
    }
    subscription.dirty.add(name);
    subscription.asked.add(name);
    return true;
  }

  protected unsubscribe(subscription: Subscription, name: string): void {
    if (!subscription.names.has(name)) return;
    subscription.drop(name);
    this.shared.index.delete(subscription.type, name, this);
    if (!subscription.wildcard) this.shared.events.dropped?.(this, subscription.type, name);
  }

  protected setWildcard(subscription: Subscription, wildcard: boolean): void {
    if (subscription.wildcard === wildcard) return;
    subscription.wildcard = wildcard;
    if (!wildcard) {
      this.shared.index.deleteAll(subscription.type, this);
      for (const name of subscription.sent.names()) {
        if (subscription.names.has(name)) continue;
        subscription.sent.delete(name);
        this.shared.events.dropped?.(this, subscription.type, name);
      }
      return;
    }
    this.shared.index.addAll(subscription.type, this);
    subscription.mustAnswer = true;
    for (const name of this.source.names(subscription.type, this.#view!)) subscription.dirty.add(name);
  }

  protected answer(subscription: Subscription, nonce: string, message: string | undefined): void {
    const response = subscription.answered(nonce, message, this.shared.wallNowMs());
    if (response !== undefined) this.shared.events.answered(this, subscription.type, response, message);
  }

  protected nextNonce(): string {
    return (++this.#nonce).toString(36);
  }

  /** Hands a response to the client, which has to answer it. */
  protected send(
    subscription: Subscription,
    nonce: string,
    parts: readonly Buffer[],
    unanswered: Omit<Unanswered, "sentAtMs">,
  ): void {
    const { type } = subscription;
    const response = { ...unanswered, sentAtMs: this.shared.nowMs() };
    subscription.unanswered.add(nonce, response);
    subscription.mustAnswer = false;
    let octets = 0;
    for (const { length } of parts) octets += length;
    if (!this.port.write(parts)) this.#blocked = true;
    this.shared.events.pushed(this, type, response, octets);
  }

  /**
   * An Envoy that is told of a changed cluster prepares it anew, and waits for its endpoints again, 15 s long, even if it has them: they
   * follow unasked.
   */
  protected resendEndpoints(clusterNames: Iterable<string>): void {
    const endpoints = this.#subscriptions.get(TYPE_URL.loadAssignment)!;
    for (const name of clusterNames) {
      if (!endpoints.wants(name)) continue;
      endpoints.dirty.add(name);
      endpoints.forced.add(name);
    }
  }

  /** An Envoy's routes may lead to clusters that it has not taken up yet. */
  #mustWait({ type, mustAnswer, asked }: Subscription, view: ClientView): boolean {
    if (view.kind !== "envoy" || type !== TYPE_URL.routeConfiguration || mustAnswer || asked.size > 0)
      return false;
    const clusters = this.#subscriptions.get(TYPE_URL.cluster)!;
    const endpoints = this.#subscriptions.get(TYPE_URL.loadAssignment)!;
    return clusters.unanswered.size > 0 || endpoints.unanswered.size > 0;
  }
}

function kubernetesNodeOf({ metadata }: Node): string {
  const name = metadata?.[NODE_NAME];
  return typeof name === "string" ? name : "";
}
