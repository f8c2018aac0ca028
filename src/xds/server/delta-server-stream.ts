import type { ClientView } from "../resources/client-view.ts";
import type { TypeUrl } from "../resources/type-url.ts";
import { TYPE_URL } from "../resources/type-url.ts";
import type { StreamPort, StreamSurroundings } from "./ads-stream.ts";
import { AdsStream } from "./ads-stream.ts";
import { decodeDeltaRequest } from "./decode-request.ts";
import { deltaResponse } from "./discovery-response.ts";
import type { Subscription } from "./subscription.ts";

/** Types that whoever begins without naming any wants all of. */
const WILDCARD: readonly TypeUrl[] = [TYPE_URL.listener, TYPE_URL.cluster];
/**
 * What goes into one response; the rest follows when the client has answered. A connection with TLS keeps room for the most that it ever had to send
 * at a time, and there are thousands of them.
 */
const MAX_RESPONSE_OCTETS = 16_384;
/** The same where a client asked for everything: an Envoy takes the first list for all there is to wait for at its start. */
const MAX_WILDCARD_OCTETS = 2 * 1_048_576;
/** Unanswered responses to what a client keeps asking for; beyond, it waits for its own answers. */
const MAX_UNANSWERED = 64;

/** Versions of ours are shorter. */
const MAX_VERSION_LENGTH = 64;

/** A stream of the incremental form: each side says what has changed. */
export class DeltaServerStream extends AdsStream {
  readonly transport = "delta";

  constructor(id: number, port: StreamPort, shared: StreamSurroundings) {
    super(id, port, shared, false);
  }

  receive(octets: Uint8Array): void {
    const request = decodeDeltaRequest(octets);
    const subscription = this.identify(request.typeUrl, request.node);
    if (subscription === undefined) return;
    if (request.responseNonce !== "") {
      this.answer(subscription, request.responseNonce, request.refusal);
    }
    const isFirst = !subscription.begun;
    subscription.begun = true;
    for (const name of request.unsubscribe) {
      if (name === "*") this.setWildcard(subscription, false);
      else this.unsubscribe(subscription, name);
    }
    const names = request.subscribe;
    const isWildcard = isFirst && names.length === 0 && WILDCARD.includes(subscription.type);
    if (isWildcard || names.includes("*")) this.setWildcard(subscription, true);
    for (const name of names) {
      if (name === "*") continue;
      // Asked for again: the client may have lost it.
      subscription.sent.delete(name);
      if (!this.subscribe(subscription, name)) return;
    }
    if (isFirst) this.#has(subscription, request.initialVersions);
    this.flush();
  }

  protected push(subscription: Subscription, view: ClientView): void {
    const { type, dirty, sent, forced, asked, unanswered } = subscription;
    if (unanswered.size >= MAX_UNANSWERED) return;
    const names = unanswered.size > 0 ? asked : dirty;
    if (names.size === 0 && !subscription.mustAnswer) return;
    if (unanswered.size > 0 && asked.size === 0) return;
    const resources: Buffer[] = [];
    const versions = new Map<string, string>();
    const removed: string[] = [];
    let octets = 0;
    const mostOctets = subscription.wildcard ? MAX_WILDCARD_OCTETS : MAX_RESPONSE_OCTETS;
    for (const name of names) {
      if (octets >= mostOctets) break;
      dirty.delete(name);
      const isAsked = asked.delete(name);
      const isForced = forced.delete(name);
      const resource = this.source.find(type, name, view);
      if (resource === undefined) {
        // Somebody who waits for a name is told that there is none.
        if (sent.delete(name) || isAsked) {
          removed.push(name);
          versions.set(name, "");
        }
        continue;
      }
      if (!isForced && sent.get(name) === resource.version) {
        this.shared.events.current?.(this, type, name);
        continue;
      }
      sent.set(name, resource.version);
      versions.set(name, resource.version);
      resources.push(resource.inDelta);
      octets += resource.size;
    }
    if (versions.size === 0 && !subscription.mustAnswer) return;
    const nonce = this.nextNonce();
    this.send(subscription, nonce, deltaResponse(type, nonce, resources, removed), {
      version: "",
      resources: versions,
    });
    if (type === TYPE_URL.cluster) this.resendEndpoints(versions.keys());
  }

  /** What the client brings from a former stream: only what differs is sent, and what has gone is said to have gone. */
  #has(subscription: Subscription, versions: readonly (readonly [name: string, version: string])[]): void {
    const brought = new Map<string, string>();
    for (const [name, version] of versions) {
      if (!subscription.wants(name) || version.length > MAX_VERSION_LENGTH) continue;
      subscription.sent.set(name, version);
      subscription.dirty.add(name);
      brought.set(name, version);
    }
    this.shared.events.began?.(this, subscription.type, brought);
  }
}
