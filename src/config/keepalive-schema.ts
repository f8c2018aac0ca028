import { z } from "zod";
import { fieldNotes, integerField } from "./config-fields.ts";

const DAY_MS = 24 * 3_600_000;

const downstream = z
  .strictObject({
    timeMs: integerField(0, DAY_MS, {
      doc: "How long a client may be silent before it is looked after: with streams open it is sent a PING, without any the kernel asks its machine (TCP keepalive). 0 does neither.",
      unit: "milliseconds",
    }).default(120_000),
    timeoutMs: integerField(100, DAY_MS, {
      doc: "How long the answer to the PING may take before the connection is closed. Keep it above the time for which a client may be stopped in a debugger.",
      unit: "milliseconds",
    }).default(60_000),
    idleTimeoutMs: integerField(0, DAY_MS, {
      doc: "How long a connection may have no stream before its client is asked to go (GOAWAY; no call is lost). 0: for ever, because idle gRPC channels are normal and cost next to nothing.",
      unit: "milliseconds",
    }).default(0),
    maxConnectionAgeMs: integerField(0, DAY_MS, {
      doc: "How old a connection may grow, give or take 10 %, before its client is asked to go; streams finish, however long they take. 0: no limit.",
      unit: "milliseconds",
    }).default(0),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "Of clients; for endpoints see `clusters[].keepalive`.",
  });

/** How clients that are silent are looked after. */
export const keepaliveSchema = z
  .strictObject({ downstream: downstream.prefault({}) })
  .register(fieldNotes, { wanted: "a mapping", doc: "Finding out whether silent clients are still there." });
