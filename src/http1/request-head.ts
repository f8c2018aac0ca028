/** How the end of a request's body is found. Source: RFC 9112 §6. */
export const BodyFraming = { none: 0, length: 1, chunked: 2 } as const;
export type BodyFraming = (typeof BodyFraming)[keyof typeof BodyFraming];

/** A request's head after every check: what is in it means the same to every reader. */
export interface RequestHead {
  /** As sent; a method Node's parser knows. */
  readonly method: string;
  /** Path and query, or `*`: an absolute target has lost its scheme and host. */
  readonly target: string;
  /** The Host field, as sent. The absolute target's host, where there is one, is the same. */
  readonly authority: string;
  /** 0 or 1: of HTTP/1. */
  readonly minorVersion: number;
  readonly framing: BodyFraming;
  /** Octets of the body where {@link framing} is `length`, else 0. */
  readonly contentLength: number;
  /** The client expects 100 Continue before it sends the body. */
  readonly expectsContinue: boolean;
  /** The client takes trailers: `te: trailers`. */
  readonly takesTrailers: boolean;
  /** The protocol asked for with Upgrade and Connection, in lower case; empty for none. */
  readonly upgrade: string;
  /** Names (in lower case) and values by turns, in the order sent, all fields. */
  readonly fields: readonly string[];
  /** Names that Connection nominates, in lower case. */
  readonly nominated: readonly string[];
}

/** @returns the first value of a field, empty where there is none. @param name in lower case. */
export function fieldValue(fields: readonly string[], name: string): string {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]!;
  return "";
}
