import { z } from "zod";
import { isChangeableHeader } from "../resource/changeable-header.ts";
import { MIRROR_DEFAULTS } from "../resource/route.ts";
import { retriesSchema, timeoutsSchema } from "./cluster-requests-schema.ts";
import { choiceField, fieldNotes, integerField, switchField, textField } from "./config-fields.ts";
import { durationField } from "./duration-field.ts";
import { LABEL_NAME, NAME } from "./name-patterns.ts";

const HOUR_MS = 3_600_000;
const MIB = 1_048_576;
/** `*`, `*.suffix` or an authority, each with or without port. */
const AUTHORITY_PATTERN =
  /^(?:\*|(?:\*\.)?[A-Za-z0-9._-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?)$/;
const METHOD = /^\/[A-Za-z0-9_.-]+\/(?:[A-Za-z0-9_.-]+|\*)$/;
const PATH = /^\/[!-~]*$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** Printable ASCII without blanks at its ends: what every peer takes as a field value. Source: RFC 9110 §5.5. */
const HEADER_VALUE = /^(?:[!-~](?:[ -~]*[!-~])?)?$/;
const LONGEST_HEADER_NAME = 100;
const LONGEST_HEADER_VALUE = 4096;
/** No header that an HTTP/2 engine answers for, and none of what the proxy itself strips or writes. */
const UNSEEN_HEADERS = new Set(["grpc-timeout", "te", "host", "connection", "transfer-encoding", "upgrade"]);

const headerName = (doc: string) =>
  z
    .string()
    .max(LONGEST_HEADER_NAME)
    .refine(
      (name) => HEADER_NAME.test(name) && !name.endsWith("-bin") && !UNSEEN_HEADERS.has(name.toLowerCase()),
    )
    .register(fieldNotes, {
      wanted: "the name of a header that comes with requests and is no -bin header",
      doc,
    });

const headerText = (doc: string) =>
  textField(
    { wanted: "printable ASCII without blanks at the ends", doc },
    HEADER_VALUE,
    LONGEST_HEADER_VALUE,
  );

const headerMatch = z
  .strictObject({
    name: headerName("Which header; the case of its letters does not matter."),
    exact: headerText("The whole value.").optional(),
    prefix: headerText("How the value begins.").optional(),
    present: switchField({ doc: "`true`: it is there; `false`: it is not." }).optional(),
  })
  .refine(
    (match) => [match.exact, match.prefix, match.present].filter((each) => each !== undefined).length === 1,
  )
  .register(fieldNotes, { wanted: "a mapping with name and one of exact, prefix, present", doc: "" });

const match = z
  .strictObject({
    method: textField(
      {
        wanted: "/package.Service/Method or /package.Service/*",
        doc: "A method, or all of a service.",
      },
      METHOD,
      1024,
    ).optional(),
    path: textField(
      { wanted: "a path that begins with /", doc: "A whole `:path`, for what is not gRPC." },
      PATH,
      1024,
    ).optional(),
    headers: z
      .array(headerMatch)
      .max(16)
      .register(fieldNotes, {
        wanted: "a list of at most 16 headers",
        doc: "All of them must hold. Several fields of one name are one value, joined by commas.",
      })
      .default([]),
  })
  .refine(({ method, path }) => method === undefined || path === undefined)
  .register(fieldNotes, { wanted: "a mapping with method or path, headers, or both", doc: "" });

const weightedCluster = z
  .strictObject({
    name: textField({ wanted: "the name of a cluster", doc: "Name of a cluster of this file." }, /^\S+$/),
    weight: integerField(0, 1_000_000, {
      doc: "Its share is this of the sum of all: with a sum of 100, percents. 0 takes it out.",
    }).default(1),
  })
  .register(fieldNotes, { wanted: "a mapping with name", doc: "" });

const sticky = z
  .strictObject({
    header: headerName("Callers are told apart by this header.").optional(),
    cookie: textField({ wanted: "a cookie's name", doc: "By this cookie." }, /^[^\s=;,]+$/).optional(),
    source: switchField({ doc: "`true`: by their address." }).optional(),
  })
  .refine(
    ({ header, cookie, source }) =>
      [header, cookie, source || undefined].filter((each) => each !== undefined).length === 1,
  )
  .register(fieldNotes, {
    wanted: "a mapping with one of header, cookie, source",
    doc: "Keeps each caller on one side of the split; who raises a weight moves callers to that side only. What has no such header is drawn each time. Absent: each request is drawn.",
  });

const endpoints = z
  .strictObject({
    labels: z
      .record(z.string().regex(LABEL_NAME), z.string().max(253))
      .register(fieldNotes, {
        wanted: "a mapping of labels to values",
        doc: "Labels with the values they must have.",
        defaultText: "none",
      })
      .default({}),
    labelsFromHeaders: z
      .record(z.string().regex(LABEL_NAME), z.string().max(LONGEST_HEADER_NAME).regex(HEADER_NAME))
      .register(fieldNotes, {
        wanted: "a mapping of labels to header names",
        doc: "Labels that must have the value of a request header: `{shard: x-shard}` sends `x-shard: 7` to endpoints with the label `shard: 7`.",
        defaultText: "none",
      })
      .default({}),
    fallback: choiceField(["any", "fail"], {
      doc: "What becomes of a request that no endpoint has the labels for: `any` endpoint takes it, also when those that have them are all unfit; or it must `fail` with UNAVAILABLE.",
    }),
  })
  .refine(
    ({ labels, labelsFromHeaders }) => Object.keys(labels).length + Object.keys(labelsFromHeaders).length > 0,
  )
  .register(fieldNotes, {
    wanted: "a mapping with fallback, and labels, labelsFromHeaders or both",
    doc: "Restricts the requests to endpoints with these labels (`clusters[].endpoints[].labels`).",
  });

const timeouts = timeoutsSchema
  .omit({ connect: true })
  .register(fieldNotes, { wanted: "a mapping", doc: "In place of the cluster's `timeouts`." });

const retries = retriesSchema.omit({ budget: true }).register(fieldNotes, {
  wanted: "a mapping",
  doc: "In place of the cluster's `retries`; the budget stays the cluster's. `attempts: 1` retries nothing.",
});

const changedName = z
  .string()
  .max(LONGEST_HEADER_NAME)
  .refine((name) => HEADER_NAME.test(name) && isChangeableHeader(name.toLowerCase()));
const changedFields = (doc: string) =>
  z
    .record(changedName, z.string().max(LONGEST_HEADER_VALUE).regex(HEADER_VALUE))
    .register(fieldNotes, {
      wanted:
        "a mapping of header names to printable values; not :names, host, te, content-type, content-length, grpc-* or what belongs to a connection",
      doc,
      defaultText: "none",
    })
    .default({});

const headerChanges = (doc: string) =>
  z
    .strictObject({
      set: changedFields("Headers that replace those of the same name."),
      add: changedFields("Headers that come beside those of the same name."),
      remove: z
        .array(changedName)
        .register(fieldNotes, {
          wanted:
            "a list of header names; not :names, host, te, content-type, content-length, grpc-* or what belongs to a connection",
          doc: "Headers that are taken out.",
        })
        .default([]),
    })
    .register(fieldNotes, { wanted: "a mapping with set, add or remove", doc });

const mirror = z
  .strictObject({
    cluster: textField({ wanted: "the name of a cluster", doc: "Where the copies go." }, /^\S+$/),
    percent: integerField(1, 100, { doc: "Share of the requests that is copied.", unit: "percent" }).default(
      100,
    ),
    maxRequests: integerField(1, 10_000, { doc: "Copies in flight at most." }).default(
      MIRROR_DEFAULTS.maxRequests,
    ),
    maxPerSecond: integerField(1, 100_000, { doc: "Copies begun per second at most." }).default(
      MIRROR_DEFAULTS.maxPerSecond,
    ),
    maxBodyOctets: integerField(0, 16 * MIB, {
      doc: "A copy whose request body grows beyond this is given up.",
      unit: "octets",
    }).default(MIRROR_DEFAULTS.maxBodyOctets),
    timeout: durationField(1, HOUR_MS, { doc: "How long a copy may take beyond its original." }).default(
      "30s",
    ),
  })
  .register(fieldNotes, {
    wanted: "a mapping with cluster",
    doc: "Sends copies of requests to another cluster and drops the answers. Copies never hold up what they are copies of: those there is no room for are not made.",
  });

/** What is done with some of the requests for some authorities. */
export const routeSchema = z
  .strictObject({
    name: textField(
      {
        wanted: "a name of letters, digits, dots, dashes and underscores",
        doc: "Names the route in metrics and the access log; unique.",
      },
      NAME,
      100,
    ),
    authorities: z
      .array(textField({ wanted: "an authority, *.suffix, or *", doc: "" }, AUTHORITY_PATTERN))
      .min(1)
      .register(fieldNotes, {
        wanted: "a list of at least one authority",
        doc: "Which requests it is about: `:authority` as clients write it, `*.suffix` for all that end so, `*` for all. For a connection that is for one cluster (`listeners[].cluster`, CONNECT) the cluster's name counts.",
      }),
    matches: z
      .array(match)
      .max(256)
      .register(fieldNotes, {
        wanted: "a list of at most 256 matches",
        doc: "Which of them: one of these must hold. Empty: all.",
      })
      .default([]),
    clusters: z
      .array(weightedCluster)
      .max(64)
      .register(fieldNotes, {
        wanted: "a list of at most 64 clusters",
        doc: "Where they go. Empty: to the cluster that their authority names.",
      })
      .default([]),
    sticky: sticky.optional(),
    endpoints: endpoints.optional(),
    timeouts: timeouts.optional(),
    retries: retries.optional(),
    requestHeaders: headerChanges("Changes of the headers that endpoints get.").optional(),
    responseHeaders: headerChanges(
      "Changes of the headers that clients get of endpoints' answers; not of trailers.",
    ).optional(),
    mirror: mirror.optional(),
  })
  .register(fieldNotes, { wanted: "a mapping with name and authorities", doc: "" });
