import { z } from "zod";
import { H2_UPGRADE_POLICIES } from "../resource/cluster.ts";
import { RETRY_DEFAULTS, RETRY_ON } from "../resource/retry-policy.ts";
import { choiceField, fieldNotes, integerField, shareField, textField } from "./config-fields.ts";
import { durationField } from "./duration-field.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const METHOD = /^\/[A-Za-z0-9_.]+\/(?:[A-Za-z0-9_]+|\*)$/;

const retryOn = z
  .string()
  .refine((text) => text.split(",").every((word) => (RETRY_ON as readonly string[]).includes(word.trim())))
  .register(fieldNotes, {
    wanted: `a list, separated by commas, of ${RETRY_ON.join(", ")}`,
    doc: "What is tried again, before anything of the answer went to the client.",
  });

/** Further attempts at requests that failed. */
export const retriesSchema = z
  .strictObject({
    attempts: integerField(1, 10, { doc: "Attempts in all, the first included." }).default(3),
    perTryTimeout: durationField(1, HOUR_MS, {
      doc: "How long one attempt may take to begin its answer.",
      defaultText: "none",
    }).optional(),
    retryOn: retryOn.default("connect-failure,refused-stream,unavailable"),
    backoffBase: durationField(1, MINUTE_MS, {
      doc: "The first wait is a random part of this, each further one of twice as much.",
    }).default(`${RETRY_DEFAULTS.backoffBaseMs}ms`),
    backoffMax: durationField(1, HOUR_MS, { doc: "Longest wait." }).default(
      `${RETRY_DEFAULTS.backoffMaxMs}ms`,
    ),
    budget: z
      .strictObject({
        share: shareField({ doc: "Share of the requests that may be sent once more." }).default(
          RETRY_DEFAULTS.budget.share,
        ),
        minPerSecond: integerField(0, 1_000_000, { doc: "So many a second always may." }).default(
          RETRY_DEFAULTS.budget.minPerSecond,
        ),
      })
      .register(fieldNotes, {
        wanted: "a mapping",
        doc: "Bounds moves, retries and hedges of the service together.",
      })
      .prefault({}),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "Sends requests that failed once more, to another endpoint. Requests that certainly were not processed are moved without it, too.",
  });

/** Attempts sent before an answer has come. */
export const hedgingSchema = z
  .strictObject({
    methods: z
      .array(textField({ wanted: "/package.Service/Method or /package.Service/*", doc: "" }, METHOD))
      .min(1)
      .register(fieldNotes, {
        wanted: "a list of methods",
        doc: "Methods that may run twice: `/package.Service/Method`, or `/package.Service/*`.",
      }),
    attempts: integerField(2, 5, { doc: "Attempts in all, the first included." }).default(2),
    delay: durationField(1, MINUTE_MS, { doc: "Wait before each further attempt." }),
  })
  .register(fieldNotes, {
    wanted: "a mapping with methods and delay",
    doc: "Asks a second endpoint when the first is slow, for methods that may run twice; the first answer counts.",
  });

/** Limits in time. */
export const timeoutsSchema = z
  .strictObject({
    request: durationField(1, 24 * HOUR_MS, {
      doc: "A whole request; a client's shorter deadline counts instead.",
      defaultText: "none",
    }).optional(),
    idle: durationField(1, 24 * HOUR_MS, {
      doc: "A stream on which nothing moves in either direction.",
      defaultText: "none",
    }).optional(),
    connect: durationField(10, MINUTE_MS, {
      doc: "The same as `connectTimeoutMs`.",
      defaultText: "1s",
    }).optional(),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "Limits in time." });

const tcp = z
  .strictObject({
    maxConnections: integerField(1, 65_535, { doc: "The same as `maxConnectionsPerEndpoint`." }).optional(),
    connectTimeout: durationField(10, MINUTE_MS, { doc: "The same as `connectTimeoutMs`." }).optional(),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "" });

const http = z
  .strictObject({
    h2UpgradePolicy: choiceField(H2_UPGRADE_POLICIES, {
      doc: "The same as `h2UpgradePolicy` of the cluster.",
    }).optional(),
    maxRequestsPerConnection: integerField(0, 2_147_483_647, {
      doc: "Streams after which a connection to an endpoint is replaced by a new one; the old one finishes its streams and counts in `maxConnections` until then. One connection more there may be for a handover; while there is none to be had, a connection serves beyond this number. 0: never.",
    }).default(0),
    maxRequestsPerEndpoint: integerField(0, 1_000_000, {
      doc: "Most streams in flight at one endpoint; further ones go elsewhere or wait. 0: no limit.",
    }).default(0),
    maxRequests: integerField(0, 10_000_000, {
      doc: "Most streams in flight in the whole service from this proxy; further ones fail with UNAVAILABLE. 0: no limit.",
    }).default(0),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "" });

/** Limits in number. */
export const connectionPoolSchema = z
  .strictObject({ tcp: tcp.prefault({}), http: http.prefault({}) })
  .register(fieldNotes, { wanted: "a mapping", doc: "Limits in number: circuit breakers." });
