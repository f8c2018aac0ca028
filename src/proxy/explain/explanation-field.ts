import { literalBound, writeLiteral } from "../../h2/hpack/write-field.ts";

const NAME = Buffer.from("x-isobar-explain", "latin1");

/** What the field adds to a header list (RFC 9113 §6.5.2), in octets. */
export function explanationSize(text: string): number {
  return NAME.length + text.length + 32;
}

/** Octets that {@link writeExplanation} needs at most. */
export function explanationBound(text: string): number {
  return literalBound(NAME.length, text.length);
}

/** Writes the field that tells a client how its request was picked for; nothing for "". @returns the end offset. */
export function writeExplanation(bytes: Uint8Array, at: number, text: string): number {
  return text === "" ? at : writeLiteral(bytes, at, 0, NAME, Buffer.from(text, "latin1"));
}
