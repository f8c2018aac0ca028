import type { ClientView } from "../resources/client-view.ts";
import type { EncodedResource } from "../resources/encoded-resource.ts";
import type { TypeUrl } from "../resources/type-url.ts";
import { TYPE_URL } from "../resources/type-url.ts";
import type { StreamPort, StreamSurroundings } from "./ads-stream.ts";
import { AdsStream } from "./ads-stream.ts";
import { CombinedVersion } from "./combined-version.ts";
import { decodeSotwRequest } from "./decode-request.ts";
import { sotwResponse } from "./discovery-response.ts";
import type { Subscription } from "./subscription.ts";

/** Types of which a response has everything asked for, and what is missing has gone. Of the others only what has changed is sent. */
const WHOLE: readonly TypeUrl[] = [TYPE_URL.listener, TYPE_URL.cluster];
/** Of the others, what goes into one response; the rest follows when the client has answered. gRPC accepts 4 MiB. */
const MAX_RESPONSE_OCTETS = 2 * 1_048_576;

/** A stream of the "state of the world" form: what is wanted is said as a whole each time. */
export class SotwStream extends AdsStream {
  readonly transport = "sotw";
  /** Nonce of the last response, by type. */
  readonly #nonces = new Map<TypeUrl, string>();

  constructor(id: number, port: StreamPort, shared: StreamSurroundings) {
    super(id, port, shared, true);
  }

  receive(octets: Uint8Array): void {
    const request = decodeSotwRequest(octets);
    const subscription = this.identify(request.typeUrl, request.node);
    if (subscription === undefined) return;
    const { type } = subscription;
    // Said before it knew our last response: it will say more when it has that.
    if (subscription.begun && request.responseNonce !== (this.#nonces.get(type) ?? "")) return;
    if (request.responseNonce !== "") {
      this.answer(subscription, request.responseNonce, request.refusal);
    }
    const isFirst = !subscription.begun;
    subscription.begun = true;
    if (!this.#want(subscription, request.resourceNames, isFirst)) return;
    if (isFirst && request.versionInfo !== "") this.#mayHave(subscription, request.versionInfo);
    this.flush();
  }

  protected push(subscription: Subscription, view: ClientView): void {
    if (subscription.unanswered.size > 0) return;
    if (WHOLE.includes(subscription.type)) this.#pushWhole(subscription, view);
    else this.#pushChanged(subscription, view);
  }

  /** Everything asked for, if any of it is another version than was sent, or the client waits. */
  #pushWhole(subscription: Subscription, view: ClientView): void {
    const { type, dirty, sent, forced, asked } = subscription;
    if (dirty.size === 0 && !subscription.mustAnswer) return;
    const { source } = this;
    const changed: string[] = [];
    for (const name of dirty) {
      const version = source.find(type, name, view)?.version;
      if (version !== sent.get(name)) changed.push(name);
    }
    const isDue = changed.length > 0 || subscription.mustAnswer || asked.size > 0;
    for (const each of [dirty, forced, asked]) each.clear();
    if (!isDue) return;
    const found: EncodedResource[] = [];
    for (const name of this.#wanted(subscription, view)) {
      const resource = source.find(type, name, view);
      if (resource !== undefined) found.push(resource);
    }
    sent.clear();
    this.#respond(subscription, found, false);
    if (type === TYPE_URL.cluster) this.resendEndpoints(changed);
  }

  #pushChanged(subscription: Subscription, view: ClientView): void {
    const { type, dirty, sent, forced, asked } = subscription;
    const { source } = this;
    const found: EncodedResource[] = [];
    let octets = 0;
    for (const name of dirty) {
      if (octets >= MAX_RESPONSE_OCTETS) break;
      dirty.delete(name);
      asked.delete(name);
      const isForced = forced.delete(name);
      const resource = source.find(type, name, view);
      // What is gone cannot be said here: the client learns it from the listener or the cluster.
      if (resource === undefined) sent.delete(name);
      else if (isForced || sent.get(name) !== resource.version) {
        found.push(resource);
        octets += resource.size;
      }
    }
    if (found.length === 0) return;
    this.#respond(subscription, found, dirty.size > 0);
  }

  /** @param isPart more is to follow: the client must not think that it has all. */
  #respond(subscription: Subscription, found: readonly EncodedResource[], isPart: boolean): void {
    const { type, sent } = subscription;
    const nonce = this.nextNonce();
    const resources = new Map<string, string>();
    for (const each of found) {
      sent.set(each.name, each.version);
      resources.set(each.name, each.version);
    }
    this.#nonces.set(type, nonce);
    const version = isPart ? `part-${nonce}` : sent.combined;
    const octets = sotwResponse(
      type,
      version,
      nonce,
      found.map((each) => each.inSotw),
    );
    this.send(subscription, nonce, octets, { version, resources });
  }

  /** @returns whether the stream goes on. */
  #want(subscription: Subscription, names: readonly string[], isFirst: boolean): boolean {
    const { type } = subscription;
    // Whoever begins without a name wants all; later it means that nothing is wanted.
    const wildcard =
      names.includes("*") ||
      (names.length === 0 &&
        WHOLE.includes(type) &&
        (isFirst || (subscription.wildcard && subscription.names.size === 0)));
    this.setWildcard(subscription, wildcard);
    const wanted = new Set(names);
    wanted.delete("*");
    for (const name of subscription.names) if (!wanted.has(name)) this.unsubscribe(subscription, name);
    for (const name of wanted) {
      if (!subscription.names.has(name) && !this.subscribe(subscription, name)) return false;
    }
    return true;
  }

  /** A client that comes back says what it has; if that is what there is now, it is sent nothing. */
  #mayHave(subscription: Subscription, version: string): void {
    const view = this.view;
    if (view === undefined || !this.source.isSynced) return;
    const found: EncodedResource[] = [];
    for (const name of this.#wanted(subscription, view)) {
      const resource = this.source.find(subscription.type, name, view);
      if (resource === undefined) return;
      found.push(resource);
    }
    const combined = new CombinedVersion();
    for (const each of found) combined.add(each.version);
    if (combined.toString() !== version) return;
    for (const each of found) subscription.sent.set(each.name, each.version);
    const { events } = this.shared;
    events.began?.(this, subscription.type, new Map(subscription.sent));
    for (const { name } of found) events.current?.(this, subscription.type, name);
    subscription.acceptedVersion = version;
    subscription.mustAnswer = false;
    subscription.dirty.clear();
    subscription.asked.clear();
  }

  #wanted(subscription: Subscription, view: ClientView): Iterable<string> {
    if (!subscription.wildcard) return subscription.names;
    return new Set([...this.source.names(subscription.type, view), ...subscription.names]);
  }
}
