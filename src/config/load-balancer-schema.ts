import { z } from "zod";
import {
  LOAD_BALANCING_DEFAULTS,
  LOAD_BALANCING_POLICIES,
  LOAD_METRICS,
} from "../resource/load-balancing.ts";
import {
  choiceField,
  fieldNotes,
  integerField,
  numberField,
  shareField,
  switchField,
  textField,
} from "./config-fields.ts";

const HOUR_MS = 3_600_000;
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const DEFAULTS = LOAD_BALANCING_DEFAULTS;

const policy = z
  .string()
  .refine(
    (text) =>
      (LOAD_BALANCING_POLICIES as readonly string[]).includes(text) || /^module:.+\.[mc]?[jt]s$/.test(text),
  )
  .register(fieldNotes, {
    wanted: `${LOAD_BALANCING_POLICIES.join(", ")}, or "module:" and the path of a policy's file`,
    doc: "How a stream finds its endpoint. `least_request` draws different endpoints and takes the least loaded for its weight; `round_robin` and `random` go by weight alone; `client_side_weighted_round_robin` makes the weights of what endpoints report; `ring_hash` and `maglev` keep requests with equal `hash` together. `module:./my-policy.ts` is a policy of your own (docs/policies.md).",
  });

const locality = z
  .strictObject({
    distribution: choiceField(["none", "PreferSameZone", "PreferSameNode", "OnlySameNode", "PreferClose"], {
      doc: "Which endpoints are near, in Kubernetes' words: `PreferSameZone` (also called `PreferClose`) the node's zone, then its region, then all; `PreferSameNode` the node itself before these; `OnlySameNode` (`internalTrafficPolicy: Local`) the node itself and nothing else; `none` makes no difference.",
    }).default(DEFAULTS.locality.distribution),
    strict: switchField({
      doc: "Never go further than the nearest place that has endpoints, however loaded or sick they are.",
    }).default(DEFAULTS.locality.strict),
    lowLoadRatio: numberField(
      0.1,
      10,
      "Time to an answer from the near endpoints, relative to those further away, below which what went further comes home ([zones](zones.md)).",
    ).default(DEFAULTS.locality.lowLoadRatio),
    highLoadRatio: numberField(
      0.1,
      10,
      "The same, from which the excess, and only that, goes further. Above `lowLoadRatio`.",
    ).default(DEFAULTS.locality.highLoadRatio),
    overprovisioningFactor: numberField(
      1,
      10,
      "Nothing goes further for health's sake while the healthy share of the near endpoints times this is at least 1.",
    ).default(DEFAULTS.locality.overprovisioningFactor),
    panicThreshold: shareField({
      doc: "When a smaller share of all endpoints is healthy, health is ignored, so that the healthy ones are not overrun. 0 never ignores it.",
    }).default(DEFAULTS.locality.panicThreshold),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "Near endpoints first, and when further ones help." });

const slowStart = z
  .strictObject({
    windowMs: integerField(1, HOUR_MS, {
      doc: "How long the share of a new endpoint grows.",
      unit: "milliseconds",
    }),
    aggression: numberField(0.1, 10, "Above 1 it grows faster at first, below 1 slower.").default(1),
    minShare: shareField({ doc: "Share at the beginning." }).default(0.1),
  })
  .register(fieldNotes, {
    wanted: "a mapping with windowMs",
    doc: "New endpoints get their full share only after a while (cold caches, JIT). Absent: at once.",
  });

const hashKey = z
  .strictObject({
    header: textField(
      { wanted: "a header name in lower case", doc: "The value of this header." },
      HEADER_NAME,
    ).optional(),
    cookie: textField(
      { wanted: "a cookie's name", doc: "The value of this cookie." },
      /^[^\s=;,]+$/,
    ).optional(),
    method: switchField({ doc: "`true`: the `:path`, which is gRPC's service and method." }).optional(),
    source: switchField({ doc: "`true`: the client's address." }).optional(),
  })
  .refine((key) => Object.values(key).filter((value) => value !== undefined && value !== false).length === 1)
  .register(fieldNotes, { wanted: "a mapping with one of header, cookie, method, source", doc: "" });

const hash = z
  .strictObject({
    keys: z
      .array(hashKey)
      .register(fieldNotes, {
        wanted: "a list",
        doc: "What is hashed: the first of these that a request has. A request with none is spread evenly.",
      })
      .default([]),
    minRingSize: integerField(1, 8_388_608, { doc: "Least points of the ring of `ring_hash`." }).default(
      DEFAULTS.hash.minRingSize,
    ),
    maxRingSize: integerField(1, 8_388_608, { doc: "Most points of it." }).default(DEFAULTS.hash.maxRingSize),
    tableSize: integerField(3, 5_000_011, { doc: "Places in the table of `maglev`; a prime." }).default(
      DEFAULTS.hash.tableSize,
    ),
    balanceFactor: integerField(0, 10_000, {
      doc: "Most load of an endpoint in percent of the mean, 100 or more; beyond it a request goes to the next endpoint. 0: no bound.",
    }).default(DEFAULTS.hash.balanceFactor),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "For `ring_hash` and `maglev`." });

const loadReports = z
  .strictObject({
    perRequest: switchField({
      doc: "Reads the load that endpoints report in trailers (ORCA), and takes it out unless the client asked for it.",
    }).default(DEFAULTS.loadReports.perRequest),
    outOfBandMs: integerField(0, HOUR_MS, {
      doc: "Interval at which endpoints are asked to report their load on a stream of its own (ORCA). 0: not asked.",
      unit: "milliseconds",
    }).default(DEFAULTS.loadReports.outOfBandMs),
    agingMs: integerField(1, HOUR_MS, {
      doc: "Time constant by which a report is forgotten; no less than the time between two reports of an endpoint.",
      unit: "milliseconds",
    }).default(DEFAULTS.loadReports.agingMs),
    blackoutMs: integerField(0, HOUR_MS, {
      doc: "How long an endpoint must have reported before a weight is made of it.",
      unit: "milliseconds",
    }).default(DEFAULTS.loadReports.blackoutMs),
    expiryMs: integerField(1, HOUR_MS, {
      doc: "Age at which a report makes no weight any more.",
      unit: "milliseconds",
    }).default(DEFAULTS.loadReports.expiryMs),
    weightUpdateMs: integerField(100, HOUR_MS, {
      doc: "How often weights are made anew.",
      unit: "milliseconds",
    }).default(DEFAULTS.loadReports.weightUpdateMs),
    errorPenalty: numberField(0, 100, "How much an endpoint's errors count against it.").default(
      DEFAULTS.loadReports.errorPenalty,
    ),
    utilizationMetrics: z
      .array(
        textField(
          {
            wanted: "utilization.NAME or named_metrics.NAME",
            doc: "",
          },
          /^(utilization|named_metrics)\.\S+$/,
        ),
      )
      .max(16)
      .register(fieldNotes, {
        wanted: "a list of at most 16 names",
        doc: "Reported metrics, such as `named_metrics.queue` or `utilization.gpu`, the largest of which is the utilization of an endpoint that reports no application utilization; without any it is the CPU's.",
      })
      .default([]),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "What endpoints say of their own load." });

const resourceWeight = z
  .strictObject({
    smoothingMs: integerField(1, HOUR_MS, {
      doc: "Time constant of the smoothing.",
      unit: "milliseconds",
    }).default(10_000),
    clamp: numberField(1, 100, "Weights stay between 1/clamp and clamp times their mean.").default(4),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "Weights of reported CPU, memory and network use: 1/(cpu+0.1) · 1/(mem+0.1) · net/1000. Such figures lag behind the load by seconds, so that endpoints are overrun and left by turns; in-flight counts do not. Absent: not used.",
  });

const subset = z
  .strictObject({
    enabled: switchField({
      doc: "Whether a proxy of a `fleet` uses only its share of a large service's endpoints.",
    }).default(DEFAULTS.subset.enabled),
    minEndpoints: integerField(1, 65_535, {
      doc: "Never fewer endpoints than this. The fewer, the better a proxy knows their load; 5 are enough where nodes are alike.",
    }).default(DEFAULTS.subset.minEndpoints),
    coverage: numberField(
      1,
      100,
      "Proxies × subset must be this many times the endpoints, else all are used.",
    ).default(DEFAULTS.subset.coverage),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "Deterministic subsets of large services. With `least_request` a proxy goes beyond its subset while that is busy with its own streams.",
  });

/** How a stream finds its endpoint. */
export const loadBalancerSchema = z
  .strictObject({
    policy: policy.default(DEFAULTS.policy),
    metric: choiceField(LOAD_METRICS, {
      doc: "What `least_request` compares: streams in flight; those times the peak EWMA of latency; the utilization endpoints report; or the locality-aware weight, QPS / mean latency.",
    }).default(DEFAULTS.metric),
    choiceCount: integerField(2, 10, { doc: "Endpoints that `least_request` draws." }).default(
      DEFAULTS.choiceCount,
    ),
    locality: locality.prefault({}),
    slowStart: slowStart.optional(),
    hash: hash.prefault({}),
    loadReports: loadReports.prefault({}),
    resourceWeight: resourceWeight.optional(),
    subset: subset.prefault({}),
  })
  .register(fieldNotes, { wanted: "a mapping with policy", doc: "" });
