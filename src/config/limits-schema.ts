import { z } from "zod";
import { fieldNotes, integerField } from "./config-fields.ts";

const HOUR_MS = 3_600_000;

const perCaller = z
  .strictObject({
    connections: integerField(1, 1_000_000, {
      doc: "Connections one caller may have; further ones are closed when they are accepted.",
    }).default(4096),
    newConnectionsPerSecond: integerField(1, 1_000_000, {
      doc: "Connections one caller may open each second, after a burst of four times as many.",
    }).default(1000),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "Limits of one caller, which is one source address; all clients of a unix socket are one. They are meant to be out of reach of every client in working order.",
  });

/** What clients may take. */
export const limitsSchema = z
  .strictObject({
    maxConnections: integerField(16, 10_000_000, {
      doc: "Connections of all clients together. From 80 % on, only callers with less than 5 % of this get more, so that nobody alone can use them up. Lowered at the start if the process may not open so many files.",
      defaultText: "three quarters of the files the process may open",
    }).optional(),
    perCaller: perCaller.prefault({}),
    handshakeTimeoutMs: integerField(100, HOUR_MS, {
      doc: "How long a new connection may take for the HTTP/2 preface with its SETTINGS, or for as much as shows that it speaks something else, before it is closed.",
      unit: "milliseconds",
    }).default(10_000),
    requestHeadersTimeoutMs: integerField(100, HOUR_MS, {
      doc: "How long a request's headers may be incomplete before the connection is ended with ENHANCE_YOUR_CALM.",
      unit: "milliseconds",
    }).default(10_000),
    maxTlsHandshakes: integerField(1, 1024, {
      doc: "TLS handshakes with endpoints that one data-plane thread has going on at once; further ones wait, so that many endpoints that come back together do not stall the streams of others.",
    }).default(8),
    maxRequestBodyOctets: integerField(0, Number.MAX_SAFE_INTEGER, {
      wanted: "a whole number",
      doc: "Octets the body of one request may have, all its messages together; more is RESOURCE_EXHAUSTED. 0 sets no limit.",
      unit: "octets",
    }).default(0),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "What clients may take of the proxy." });
