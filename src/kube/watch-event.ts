import type { RawStatus } from "./api-error.ts";
import { ApiError } from "./api-error.ts";
import type { RawObject } from "./raw-object.ts";
import { textWithoutFields } from "./text-without-fields.ts";

/** One line of a watch. Source: Kubernetes API, meta/v1 WatchEvent. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: RawObject;
}

/** Longest line; objects are at most 1.5 MiB in etcd. */
const MAX_LINE_OCTETS = 16 * 1_048_576;
const NEWLINE = 0x0a;

/** Cuts the octets of a watch into events: one JSON text per line, in chunks that know nothing of lines. */
export class WatchEvents {
  #rest: Buffer[] = [];
  #restOctets = 0;

  /**
   * @returns the events that are complete with this chunk.
   * @throws ApiError for an ERROR event; SyntaxError or RangeError for what is none.
   */
  push(chunk: Buffer): WatchEvent[] {
    const events: WatchEvent[] = [];
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, from);
      if (end < 0) break;
      const line = this.#take(chunk.subarray(from, end));
      if (line !== "") events.push(parseEvent(line));
      from = end + 1;
    }
    if (from < chunk.length) {
      this.#rest.push(chunk.subarray(from));
      this.#restOctets += chunk.length - from;
      if (this.#restOctets > MAX_LINE_OCTETS) {
        throw new RangeError(`a watch event of more than ${MAX_LINE_OCTETS} octets`);
      }
    }
    return events;
  }

  #take(tail: Buffer): string {
    if (this.#rest.length === 0) return textWithoutFields(tail);
    const line = textWithoutFields(Buffer.concat([...this.#rest, tail]));
    this.#rest = [];
    this.#restOctets = 0;
    return line;
  }
}

function parseEvent(line: string): WatchEvent {
  const event = JSON.parse(line) as { readonly type?: string; readonly object?: unknown };
  switch (event.type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
    case "BOOKMARK":
      return { type: event.type, object: (event.object ?? {}) as RawObject };
    case "ERROR":
      throw new ApiError("the watch ended", (event.object ?? {}) as RawStatus);
    default:
      throw new SyntaxError(`a watch event of the unknown type ${JSON.stringify(event.type)}`);
  }
}
