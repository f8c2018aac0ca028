import { z } from "zod";
import { parseIpRange } from "../base/ip-ranges.ts";
import { UNIX_SOURCE } from "../proxy/explain/explain-sources.ts";
import { fieldNotes, integerField, shareField } from "./config-fields.ts";

const source = z
  .string()
  .refine((text) => text === UNIX_SOURCE || parseIpRange(text) !== undefined)
  .register(fieldNotes, {
    wanted: 'an address, a range such as "10.0.0.0/8" or "fd00::/8", or "unix"',
    advice: "bits behind the prefix must be 0; write 10.0.0.0/8 or fd00::/8",
    doc: "One range, or `unix` for all clients of unix sockets.",
  });

/** What is recorded of picks, and who may ask about one. */
export const explainSchema = z
  .strictObject({
    sample: shareField({
      doc: "Share of the picks that is recorded, from 0 to 1, for `isobar explain` and `GET /explain`. 0 records none and costs nothing.",
    }).default(0),
    ring: integerField(64, 262_144, {
      doc: "Records that each worker keeps, the newest; one of usual length takes 120 octets.",
    }).default(4096),
    allowedSources: z
      .array(source)
      .register(fieldNotes, {
        wanted: 'a list of ranges of addresses, and "unix"',
        doc: "Callers whose requests are explained in the answer when they carry `x-isobar-explain: 1`. The answer names endpoints and their load. From other callers the header has no effect; it is never passed on.",
        defaultText: "none",
      })
      .default([]),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "Why a request went where it went; see [explain.md](explain.md).",
    live: true,
  });
