import type { TypeUrl } from "../resources/type-url.ts";
import { SentVersions } from "./sent-versions.ts";
import type { StreamStatus } from "./stream-status.ts";
import type { Unanswered } from "./unanswered-list.ts";
import { UnansweredList } from "./unanswered-list.ts";

/** A refusal as the client put it. */
export interface Refusal {
  readonly version: string;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

/** Longest part of a client's words that is kept. */
const MAX_MESSAGE = 1_000;
/** Refusals that are shown where many clients are. */
const MAX_REFUSED_SHOWN = 10;

/** What one stream wants of one type of resource, and what it has been given. */
export class Subscription {
  readonly type: TypeUrl;
  /** Asked for by name. */
  readonly names = new Set<string>();
  /** Whether it wants all there are. */
  wildcard = false;
  /** Whether a request for this type has come. */
  begun = false;
  /** Versions of what the client holds, as far as it has been sent. */
  readonly sent: SentVersions;
  /** What may be another version now, or never was sent. */
  readonly dirty = new Set<string>();
  /** Of these, what is sent even if the client has it. */
  readonly forced = new Set<string>();
  /** Of these, what the client waits for: it is told if there is none. */
  readonly asked = new Set<string>();
  /** The client waits for an answer, be it an empty one. */
  mustAnswer = false;
  readonly unanswered = new UnansweredList();
  /** Of the last accepted response, for SotW. */
  acceptedVersion = "";
  /** What was refused and has not been replaced by something accepted, by name; "" if the response was empty. */
  readonly refused = new Map<string, Refusal>();

  /** @param summed whether the versions of what the client has are added up. */
  constructor(type: TypeUrl, summed: boolean) {
    this.type = type;
    this.sent = new SentVersions(summed);
  }

  /** Whether there may be something to send; what is asked for or sent by force is dirty as well. */
  get isDue(): boolean {
    return this.begun && (this.dirty.size > 0 || this.mustAnswer);
  }

  wants(name: string): boolean {
    return this.wildcard || this.names.has(name);
  }

  /** The client has answered. @param message why it refuses; undefined if it accepts. @returns what it was, if it was not answered before. */
  answered(nonce: string, message: string | undefined, nowMs: number): Unanswered | undefined {
    const response = this.unanswered.take(nonce);
    if (response === undefined) return undefined;
    if (message === undefined) this.acceptedVersion = response.version;
    if (message === undefined && this.refused.size === 0) return response;
    const names = response.resources.size === 0 ? [""] : response.resources.keys();
    if (message === undefined) {
      for (const name of names) this.refused.delete(name);
      return response;
    }
    for (const name of names) {
      const version = response.resources.get(name) ?? response.version;
      this.refused.set(name, { version, message: message.slice(0, MAX_MESSAGE), atMs: nowMs });
    }
    return response;
  }

  /** It does not want this name any more. */
  drop(name: string): void {
    this.names.delete(name);
    if (!this.wildcard) this.sent.delete(name);
    for (const each of [this.dirty, this.forced, this.asked, this.refused]) each.delete(name);
  }

  /** @param whole with every resource; else their numbers, and the first of what was refused. */
  status(whole: boolean): StreamStatus["types"][number] {
    const waiting = new Set([...this.unanswered].flatMap(({ resources }) => [...resources.keys()]));
    const refused = [...this.refused].slice(0, whole ? undefined : MAX_REFUSED_SHOWN);
    return {
      type: this.type,
      wildcard: this.wildcard,
      subscribed: this.names.size,
      held: this.sent.size,
      refusedCount: this.refused.size,
      acceptedVersion: this.acceptedVersion,
      unanswered: this.unanswered.size,
      refused: refused.map(([name, refusal]) => ({ name, ...refusal })),
      resources: [...(whole ? this.sent : [])].map(([name, version]) => ({
        name,
        version,
        state: this.refused.has(name) ? "refused" : waiting.has(name) ? "sent" : "accepted",
      })),
    };
  }
}
