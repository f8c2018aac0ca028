import { z } from "zod";
import { parseSocketAddress } from "./socket-address.ts";

/** What the schema says about a key beside its type; error messages and docs/configuration.md are made of it. */
export interface FieldNotes {
  /** What would be right, completing the sentence "wanted …". */
  readonly wanted: string;
  /** What the key is for, in sentences for the documentation. */
  readonly doc: string;
  /** What to do when the value is wrong. */
  readonly advice?: string;
  /** Unit of a number, such as "milliseconds"; also in the key's name. */
  readonly unit?: string;
  /** Default as the documentation names it, where the value itself would not tell. */
  readonly defaultText?: string;
  /** Environment variable that takes precedence over the file. */
  readonly env?: string;
  /** Of a top-level key: whether a reload puts a new value in force; otherwise it takes a restart. */
  readonly live?: boolean;
}

/** Where the notes of a schema node are kept. */
export const fieldNotes = z.registry<FieldNotes>();

type Notes = Omit<FieldNotes, "wanted"> & { readonly wanted?: string };

/** A string of 1 to `maxLength` characters that matches `pattern`. */
export function textField(notes: FieldNotes, pattern: RegExp, maxLength = 253) {
  return z.string().max(maxLength).regex(pattern).register(fieldNotes, notes);
}

/** A whole number within bounds, both included. */
export function integerField(min: number, max: number, notes: Notes) {
  const wanted = `a whole number from ${groupDigits(min)} to ${groupDigits(max)}`;
  return z
    .int()
    .min(min)
    .max(max)
    .register(fieldNotes, { ...notes, wanted: notes.wanted ?? wanted });
}

/** One of a few words. */
export function choiceField<const T extends readonly string[]>(choices: T, notes: Notes) {
  const wanted = `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
  return z.enum(choices).register(fieldNotes, { ...notes, wanted: notes.wanted ?? wanted });
}

/** `true` or `false`. */
export function switchField(notes: Notes) {
  return z.boolean().register(fieldNotes, { ...notes, wanted: "true or false" });
}

/** A number, whole or not, within bounds, both included. */
export function numberField(min: number, max: number, doc: string, unit?: string) {
  return z
    .number()
    .min(min)
    .max(max)
    .register(fieldNotes, {
      wanted: `a number from ${min} to ${max}`,
      doc,
      ...(unit === undefined ? {} : { unit }),
    });
}

/** A number from 0 to 1. */
export function shareField(notes: Notes) {
  return z
    .number()
    .min(0)
    .max(1)
    .register(fieldNotes, { ...notes, wanted: "a number from 0 to 1" });
}

/** An address to listen on: `ip:port`, `[ipv6]:port` or `unix:/path`. */
export function listenAddressField(notes: Notes) {
  return z
    .string()
    .refine((text) => parseSocketAddress(text) !== undefined)
    .register(fieldNotes, {
      advice: "names are not resolved here: write the IP address of an interface, such as 127.0.0.1",
      ...notes,
      wanted: notes.wanted ?? 'an address "ip:port", "[ipv6]:port" or "unix:/path"',
    });
}

/** An address to connect to: `ip:port` or `[ipv6]:port`, never port 0. */
export function endpointAddressField(notes: Notes) {
  return z
    .string()
    .refine((text) => {
      const address = parseSocketAddress(text);
      return address?.kind === "ip" && address.port > 0;
    })
    .register(fieldNotes, {
      ...notes,
      wanted: 'an IP address with port, such as "10.0.0.7:50051" or "[fd00::7]:50051"',
    });
}

/** @returns the number with commas between thousands, as the messages and the documentation write it. */
export function groupDigits(value: number): string {
  return value.toLocaleString("en-US");
}
