import { z } from "zod";
import { fieldNotes, shareField } from "./config-fields.ts";

const endpoint = z
  .string()
  .refine((text) => {
    const url = URL.parse(text);
    return url !== null && (url.protocol === "http:" || url.protocol === "https:") && url.username === "";
  })
  .register(fieldNotes, {
    wanted: 'a URL such as "http://127.0.0.1:4318"',
    doc: "An OpenTelemetry collector that takes OTLP over HTTP; spans go to `/v1/traces` below it.",
  });

/** Spans of calls, for a collector. */
export const tracingSchema = z
  .strictObject({
    endpoint,
    ratio: shareField({
      doc: "Share of the calls without a `traceparent` that begin a trace, from 0 to 1. A call with one is traced if its caller records it.",
    }).default(0),
  })
  .register(fieldNotes, {
    wanted: "a mapping with endpoint",
    doc: "Sends spans of calls and attempts to a collector ([tracing.md](tracing.md)). Without this section there are none, and nothing is paid for them. Headers of tracing are passed on untouched either way.",
    live: true,
  });
