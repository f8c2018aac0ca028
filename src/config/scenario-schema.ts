import { z } from "zod";
import {
  choiceField,
  fieldNotes,
  integerField,
  numberField,
  shareField,
  switchField,
  textField,
} from "./config-fields.ts";
import { loadBalancerSchema } from "./load-balancer-schema.ts";

const HOUR_MS = 3_600_000;
const NAME = /^[^\p{C}]+$/u;

/** What an expectation may be about. */
export const MEASURES = [
  "p50",
  "p99",
  "p99.9",
  "errorShare",
  "crossZoneShare",
  "imbalance",
  "gapClosed",
  "windowP99",
  "inZoneShare",
  "localShareMove",
] as const;

function nameField(doc: string) {
  return textField({ wanted: "a name of 1 to 60 characters", doc }, NAME, 60);
}

function listField<T extends z.core.$ZodType>(item: T, doc: string) {
  return z.array(item).register(fieldNotes, { wanted: "a list", doc });
}

function timeField(min: number, doc: string) {
  return numberField(min, 24 * HOUR_MS, doc, "milliseconds");
}

const zoneKeys = {
  zone: textField({ wanted: "a zone's name", doc: "Its zone." }, NAME, 60).default("a"),
  region: textField({ wanted: "a region's name", doc: "Its region." }, NAME, 60).default("r"),
};

const listing = choiceField(["healthy", "unhealthy", "draining", "absent"], {
  doc: "What discovery says: `absent` is not there (yet, or any more).",
});

const endpointGroup = z
  .strictObject({
    name: nameField("For events.").default("endpoints"),
    count: integerField(1, 16_384, { doc: "Endpoints of this kind." }),
    ...zoneKeys,
    weight: integerField(1, 65_535, { doc: "As in the configuration." }).default(1),
    priority: integerField(0, 127, { doc: "As in the configuration." }).default(0),
    servers: integerField(1, 100_000, { doc: "Requests served at the same time; the others wait." }).default(
      1,
    ),
    speed: numberField(0.001, 1_000, "Service times are divided by it.").default(1),
    failShare: shareField({ doc: "Share of the requests failed at once." }).default(0),
    blackHoled: switchField({ doc: "Takes requests and never answers." }).default(false),
    listing: listing.default("healthy"),
    coldFactor: numberField(1, 1_000, "A new one is so many times slower at first.").default(1),
    coldMs: timeField(0, "How long a new one takes to get to its speed.").default(0),
  })
  .register(fieldNotes, { wanted: "a mapping with count", doc: "" });

const callerGroup = z
  .strictObject({
    name: nameField("For events.").default("callers"),
    kind: choiceField(["proxy", "connection", "random"], {
      doc: "`proxy`: a proxy of ours with the clients of its node. Callers that are not ours: `connection` pins each channel to a random endpoint, `random` picks any endpoint for each request.",
    }).default("proxy"),
    count: integerField(1, 100_000, { doc: "Callers of this kind." }),
    ...zoneKeys,
    share: numberField(0, 1_000_000, "Part of the traffic, relative to the other groups.").default(1),
    hotShare: shareField({ doc: "This share of the callers sends `hotTraffic`." }).default(0),
    hotTraffic: shareField({ doc: "Share of the group's requests that the hot ones send." }).default(0),
    clients: integerField(1, 10_000, {
      doc: "Clients of each; counts where balancing is per connection.",
    }).default(1),
    channels: integerField(1, 10_000, { doc: "Channels of each client; the same." }).default(1),
  })
  .register(fieldNotes, { wanted: "a mapping with count", doc: "" });

const service = z
  .strictObject({
    kind: choiceField(["exponential", "fixed", "lognormal", "hyperexponential"], {
      doc: "Distribution of service times.",
    }).default("exponential"),
    meanMs: numberField(0.001, HOUR_MS, "Their mean.", "milliseconds").default(10),
    sigma: numberField(0, 5, "`lognormal`: standard deviation of the logarithm.").default(1),
    slowShare: shareField({ doc: "`hyperexponential`: share of the slow requests." }).default(0.1),
    slowFactor: numberField(1, 10_000, "`hyperexponential`: how many times as long they take.").default(10),
  })
  .register(fieldNotes, { wanted: "a mapping with kind and meanMs", doc: "How long requests take." });

const bursts = z
  .strictObject({
    factor: numberField(1, 1_000, "Rate during a burst, times the mean rate.").default(3),
    share: numberField(0.001, 0.999, "Share of the time that is burst.").default(0.1),
    meanMs: timeField(1, "Mean length of a burst.").default(1_000),
    together: switchField({ doc: "All callers at the same time, or each on its own." }).default(false),
  })
  .refine(({ factor, share }) => factor * share <= 1)
  .register(fieldNotes, {
    wanted: "a mapping with factor × share of at most 1",
    doc: "A Markov-modulated Poisson process with two states. Absent: a Poisson process.",
  });

const event = z
  .strictObject({
    atMs: timeField(0, "When."),
    group: nameField("Endpoints of this name.").optional(),
    zone: nameField("Endpoints of this zone.").optional(),
    share: shareField({ doc: "The first of them, this share." }).default(1),
    speed: endpointGroup.shape.speed.unwrap().optional(),
    failShare: shareField({ doc: "As of endpoints." }).optional(),
    blackHoled: switchField({ doc: "As of endpoints." }).optional(),
    listing: listing.optional(),
    noticedAfterMs: timeField(0, "How much later discovery says so.").default(0),
    callers: nameField(
      "Callers of this name send `trafficFactor` times what they did at the start.",
    ).optional(),
    trafficFactor: numberField(0.001, 1_000, "See `callers`.").default(1),
  })
  .register(fieldNotes, { wanted: "a mapping with atMs", doc: "" });

const policy = z
  .strictObject({
    name: nameField("As the results name it."),
    kind: choiceField(["policy", "oracle", "least_loaded", "per_connection", "static_split"], {
      doc: "`policy` is the product's own code, by `loadBalancer`. The others are yardsticks: docs/simulate.md.",
    }).default("policy"),
    loadBalancer: loadBalancerSchema.prefault({}),
    fleet: switchField({
      doc: "Whether proxies know their place in the fleet and their share of the traffic.",
    }).default(false),
    peerReports: z
      .strictObject({
        intervalMs: timeField(1, "How often a proxy says what it has in flight.").default(250),
        delayMs: timeField(0, "How long that takes to the others.").default(20),
      })
      .register(fieldNotes, {
        wanted: "a mapping",
        doc: "Proxies hear of each other's streams. Absent: they do not.",
      })
      .optional(),
    keep: listField(numberField(1, 100, ""), "`static_split`: the splits tried, the best counts.").default([
      1,
    ]),
  })
  .register(fieldNotes, { wanted: "a mapping with name", doc: "" });

const expectation = z
  .strictObject({
    policy: nameField("Whose results."),
    measure: choiceField(MEASURES, { doc: "What of them." }),
    of: nameField("Relative to this policy's.").optional(),
    from: nameField("`gapClosed`: between this policy's p99 and that of `of`.").optional(),
    zone: nameField("`inZoneShare`, `localShareMove`: for callers of this zone.").optional(),
    fromMs: timeField(0, "Windows from here.").optional(),
    toMs: timeField(0, "Windows to here.").optional(),
    atMost: numberField(-1e9, 1e9, "Good up to this.").optional(),
    atLeast: numberField(-1e9, 1e9, "Good from this.").optional(),
  })
  .refine(({ atMost, atLeast }) => (atMost === undefined) !== (atLeast === undefined))
  .register(fieldNotes, {
    wanted: "a mapping with policy, measure, and one of atMost and atLeast",
    doc: "",
  });

/** A file of `isobar simulate`. */
export const scenarioSchema = z
  .strictObject({
    about: textField({ wanted: "a text", doc: "What it is about, for the reader." }, /./s, 4_000).default(""),
    seed: integerField(0, 2 ** 31 - 1, { doc: "The first seed." }).default(1),
    seeds: integerField(1, 1_000, { doc: "How many runs with seeds that follow." }).default(10),
    durationMs: timeField(1, "Virtual time of a run.").default(60_000),
    warmupMs: timeField(0, "What starts before counts in plots only.").default(10_000),
    windowMs: timeField(1, "Windows for what is followed over time.").default(5_000),
    timeoutMs: timeField(1, "When a caller gives up on a black hole.").default(1_000),
    network: z
      .strictObject({
        sameZoneMs: timeField(0, "One way within a zone.").default(0.5),
        crossZoneMs: timeField(0, "One way between zones.").default(1),
      })
      .register(fieldNotes, { wanted: "a mapping", doc: "Time on the way." })
      .prefault({}),
    endpoints: z
      .array(endpointGroup)
      .min(1)
      .register(fieldNotes, { wanted: "a list of at least one group", doc: "Who serves." }),
    callers: z
      .array(callerGroup)
      .min(1)
      .register(fieldNotes, { wanted: "a list of at least one group", doc: "Who asks." }),
    traffic: z
      .strictObject({
        load: z
          .array(numberField(0.001, 100, ""))
          .min(1)
          .register(fieldNotes, {
            wanted: "a list of numbers above 0",
            doc: "Requests, relative to what the endpoints healthy at the start can serve; a run for each.",
          })
          .optional(),
        service: service.prefault({}),
        bursts: bursts.optional(),
        trace: textField(
          {
            wanted: "a path",
            doc: "A recorded trace instead of models: a line per request, `arrival,service` in ms, or `arrival,service,caller` with the number of the caller.",
          },
          NAME,
          4_096,
        ).optional(),
      })
      .refine(({ load, trace }) => load !== undefined || trace !== undefined)
      .register(fieldNotes, { wanted: "a mapping with load or trace", doc: "What is asked." }),
    events: listField(event, "What changes on the way.").default([]),
    policies: z
      .array(policy)
      .min(1)
      .register(fieldNotes, { wanted: "a list of at least one policy", doc: "What is compared." }),
    pods: z
      .strictObject({
        reference: nameField("Its p99 with the endpoints as given is what all must keep."),
        policy: nameField("The policy of the kind per_connection."),
        channels: listField(integerField(1, 10_000, { doc: "" }), "Channels per client.").default([
          1, 2, 5, 20, 100,
        ]),
        clientsPerEndpoint: listField(numberField(0.001, 1_000, ""), "Clients per endpoint.").default([
          0.2, 1, 5,
        ]),
        seeds: integerField(1, 100, { doc: "Seeds of each point." }).default(2),
        tolerance: shareField({
          doc: "A p99 that is longer by this share counts as equal: near the time of service itself nothing else would ever do.",
        }).default(0.02),
      })
      .register(fieldNotes, {
        wanted: "a mapping with reference and policy",
        doc: "How many endpoints balancing per connection needs for the same p99, as a curve. Absent: not looked for.",
      })
      .optional(),
    expect: listField(expectation, "What must come out, else the exit code is 1.").default([]),
  })
  .register(fieldNotes, { wanted: "a mapping with endpoints, callers, traffic and policies", doc: "" });

/** A scenario as written, with defaults. */
export type ScenarioFile = z.output<typeof scenarioSchema>;
