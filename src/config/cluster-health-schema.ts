import { z } from "zod";
import { HEALTH_CHECK_DEFAULTS } from "../resource/health-check.ts";
import { OUTLIER_DETECTION_DEFAULTS } from "../resource/outlier-detection.ts";
import { fieldNotes, integerField, shareField, textField } from "./config-fields.ts";

const HOUR_MS = 3_600_000;
const DEFAULTS = OUTLIER_DETECTION_DEFAULTS;

/** When an endpoint is ejected for what it answers. */
export const outlierDetectionSchema = z
  .strictObject({
    consecutiveFailures: integerField(0, 10_000, {
      doc: "Failures in a row: lost connections, resets, `UNAVAILABLE`, late answers; not what a bad request may cause ([sick endpoints](health.md)). 0 is off.",
    }).default(DEFAULTS.consecutiveFailures),
    intervalMs: integerField(100, HOUR_MS, {
      doc: "The time that rates are made over, moving on with the clock; also how long it takes an ejected endpoint to be forgiven one ejection.",
      unit: "milliseconds",
    }).default(DEFAULTS.intervalMs),
    baseEjectionMs: integerField(100, HOUR_MS, {
      doc: "Length of the first ejection, up to 10 % less by chance; each further one is longer by as much.",
      unit: "milliseconds",
    }).default(DEFAULTS.baseEjectionMs),
    maxEjectionMs: integerField(100, 24 * HOUR_MS, {
      doc: "Longest ejection.",
      unit: "milliseconds",
    }).default(DEFAULTS.maxEjectionMs),
    maxEjectionShare: shareField({
      doc: "Largest share of the endpoints that may be ejected at a time; one always may, unless this is 0, and the last one never is.",
    }).default(DEFAULTS.maxEjectionShare),
    successRateStdevFactor: z
      .number()
      .min(0)
      .max(100)
      .register(fieldNotes, {
        wanted: "a number from 0 to 100",
        doc: "Ejects endpoints whose success rate is below the mean by this many standard deviations. 0 is off.",
      })
      .default(DEFAULTS.successRateStdevFactor),
    successRateMinHosts: integerField(1, 65_535, {
      doc: "Endpoints with enough requests that this takes.",
    }).default(DEFAULTS.successRateMinHosts),
    successRateMinRequests: integerField(1, 1_000_000, {
      doc: "Requests in an interval that make an endpoint count.",
    }).default(DEFAULTS.successRateMinRequests),
    failureShare: shareField({
      doc: "Ejects endpoints that fail this share of their requests while the others fail less than half as much. 0 is off.",
    }).default(DEFAULTS.failureShare),
    failureMinHosts: integerField(1, 65_535, {
      doc: "Endpoints with enough requests that this takes.",
    }).default(DEFAULTS.failureMinHosts),
    failureMinRequests: integerField(1, 1_000_000, {
      doc: "Requests in an interval that make an endpoint count.",
    }).default(DEFAULTS.failureMinRequests),
  })
  .register(fieldNotes, {
    wanted: "a mapping, {} for the defaults",
    doc: "Sets endpoints aside that keep failing. Absent: off.",
  });

const httpGet = z
  .strictObject({
    path: textField(
      { wanted: "a path, such as /health", doc: "The path asked for; 200 to 299 is healthy." },
      /^\/[!-~]*$/,
      1024,
    ),
    port: integerField(1, 65_535, { doc: "The port asked.", defaultText: "the endpoint's own" }).optional(),
  })
  .register(fieldNotes, { wanted: "a mapping with path", doc: "Asks by HTTP." });

const grpc = z
  .strictObject({
    service: textField(
      {
        wanted: "a service's name, or an empty one",
        doc: "The service asked about.",
        defaultText: "empty, the server as a whole",
      },
      /^[A-Za-z0-9_.]*$/,
    ).default(""),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "Asks by grpc.health.v1." });

/** Active health checks. */
export const healthCheckSchema = z
  .strictObject({
    intervalSeconds: integerField(1, 3_600, {
      doc: "Time between two checks of an endpoint, give or take 10 %.",
      unit: "seconds",
    }).default(HEALTH_CHECK_DEFAULTS.intervalMs / 1_000),
    timeoutSeconds: integerField(1, 3_600, { doc: "How long an answer may take.", unit: "seconds" }).default(
      HEALTH_CHECK_DEFAULTS.timeoutMs / 1_000,
    ),
    unhealthyThreshold: integerField(1, 100, {
      doc: "Failed checks in a row that take an endpoint out.",
    }).default(HEALTH_CHECK_DEFAULTS.unhealthyThreshold),
    healthyThreshold: integerField(1, 100, { doc: "Good checks in a row that take it back." }).default(
      HEALTH_CHECK_DEFAULTS.healthyThreshold,
    ),
    httpGet: httpGet.optional(),
    grpc: grpc.optional(),
    tcpSocket: z
      .strictObject({})
      .register(fieldNotes, { wanted: "an empty mapping", doc: "Only connects." })
      .optional(),
  })
  .refine(
    ({ httpGet, grpc, tcpSocket }) =>
      [httpGet, grpc, tcpSocket].filter((each) => each !== undefined).length === 1,
  )
  .register(fieldNotes, {
    wanted: "a mapping with one of httpGet, grpc, tcpSocket",
    doc: "Asks the endpoints that this proxy uses whether they are well. Absent: off.",
  });
