import { z } from "zod";
import { CLUSTER_DEFAULTS, LOAD_BALANCING_POLICIES } from "../resource/cluster.ts";
import { MAX_ENDPOINT_WEIGHT } from "../resource/endpoint.ts";
import { LOG_LEVELS } from "../telemetry/log.ts";
import {
  choiceField,
  endpointAddressField,
  fieldNotes,
  integerField,
  listenAddressField,
  shareField,
  switchField,
  textField,
} from "./config-fields.ts";

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const ZONE = /^[A-Za-z0-9._-]*$/;
const HOST_NAME = /^(?=[^.])[A-Za-z0-9._-]+\.?$/;
/** Host with or without port as a client writes `:authority`: a name, an IPv4 address or an IPv6 one in brackets. */
const AUTHORITY = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MIB = 1_048_576;

const node = z
  .strictObject({
    id: textField(
      {
        wanted: "a name of letters, digits, dots, dashes and underscores",
        doc: "Names this proxy in logs and metrics.",
        defaultText: "the machine's host name",
        env: "ISOBAR_NODE_ID",
      },
      NAME,
    ).optional(),
    zone: textField(
      {
        wanted: "the name of a zone, or an empty one",
        doc: "The zone this proxy runs in. Healthy endpoints of the same zone are picked first; an empty zone has no such preference.",
        defaultText: "empty",
        env: "ISOBAR_NODE_ZONE",
      },
      ZONE,
    ).default(""),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "Who this proxy is." });

const admin = z
  .strictObject({
    address: listenAddressField({
      doc: "Where the admin server listens. It shows the whole state and can start a drain, so it belongs on loopback or a unix socket.",
    }).default("127.0.0.1:15000"),
    allowNonLoopback: switchField({
      doc: "Permits an `admin.address` that other machines can reach. There is no authentication: a firewall must keep strangers out.",
    }).default(false),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "The admin server: readiness, state, drain, log level.",
  });

const metrics = z
  .strictObject({
    address: listenAddressField({
      doc: "Where `GET /metrics` is served, and nothing else; it may be reachable from other machines, such as 0.0.0.0:15020.",
    }),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "The metrics server for Prometheus. Without this section there is none.",
  });

const listener = z
  .strictObject({
    name: textField(
      {
        wanted: "a name of letters, digits, dots, dashes and underscores",
        doc: "Names the listener in logs; unique.",
      },
      NAME,
      64,
    ),
    address: listenAddressField({ doc: "Where gRPC clients connect, HTTP/2 without TLS." }),
  })
  .register(fieldNotes, { wanted: "a mapping with name and address", doc: "" });

const endpoint = z
  .strictObject({
    address: endpointAddressField({
      doc: "IP address and port of one backend.",
      advice: 'a name goes into the cluster\'s "dns" section instead of "endpoints"',
    }),
    zone: textField(
      {
        wanted: "the name of a zone, or an empty one",
        doc: "The zone the endpoint runs in.",
        defaultText: "empty",
      },
      ZONE,
    ).default(""),
    weight: integerField(1, MAX_ENDPOINT_WEIGHT, {
      doc: "Share of the picks in proportion to the other endpoints' weights.",
      advice: "to take an endpoint out, remove it or set its health to draining",
    }).default(1),
    health: choiceField(["healthy", "unhealthy", "draining"], {
      doc: "`draining` and `unhealthy` endpoints get new streams only when no healthy one is left.",
    }).default("healthy"),
  })
  .register(fieldNotes, { wanted: "a mapping with address", doc: "" });

const dns = z
  .strictObject({
    hostname: textField(
      {
        wanted: "a host name, such as echo.default.svc.cluster.local",
        doc: "Name whose A and AAAA records are the endpoints, such as that of a headless service. It is asked for as it is: no search domains.",
        advice: 'the port goes into "port"',
      },
      HOST_NAME,
    ),
    port: integerField(1, 65_535, { doc: "Port of every endpoint." }),
    refreshMs: integerField(100, HOUR_MS, {
      doc: "Longest time between two lookups; a shorter TTL of the records shortens it, and each wait varies by up to 10 % so that a fleet does not ask in step.",
      unit: "milliseconds",
    }).default(5_000),
    maxStaleMs: integerField(0, 24 * HOUR_MS, {
      doc: "How long the last good answer serves on while lookups fail. Afterwards the endpoints are dropped, because their addresses may belong to somebody else by then.",
      unit: "milliseconds",
    }).default(10 * MINUTE_MS),
    emptyHoldMs: integerField(0, HOUR_MS, {
      doc: 'How long an answer "no such name" or "no addresses" must persist before it is believed and the last endpoints are dropped.',
      unit: "milliseconds",
    }).default(10_000),
  })
  .register(fieldNotes, {
    wanted: "a mapping with hostname and port",
    doc: "Takes the endpoints from DNS instead of `endpoints`.",
  });

const loadBalancer = z
  .strictObject({
    policy: choiceField(LOAD_BALANCING_POLICIES, {
      doc: "How a stream finds its endpoint. `least_request` draws two different endpoints and takes the one with fewer streams in flight for its weight; `round_robin` and `random` go by weight alone.",
    }).default(CLUSTER_DEFAULTS.policy),
  })
  .register(fieldNotes, { wanted: "a mapping with policy", doc: "" });

const cluster = z
  .strictObject({
    name: textField(
      {
        wanted: "the :authority that selects the cluster, such as echo.default.svc.cluster.local:50051",
        doc: "The `:authority` that selects this cluster, with port if clients send one; unique, whatever the case of its letters.",
        advice: "leave out scheme and path",
      },
      AUTHORITY,
    ),
    loadBalancer: loadBalancer.prefault({}),
    connectTimeoutMs: integerField(10, MINUTE_MS, {
      doc: "How long a connection attempt may take (TCP and the first SETTINGS together) before its streams move to another endpoint.",
      unit: "milliseconds",
    }).default(CLUSTER_DEFAULTS.connectTimeoutMs),
    maxConnectionsPerEndpoint: integerField(1, 64, {
      doc: "Connections to one endpoint; a second one is opened when the first carries as many streams as the endpoint permits.",
    }).default(CLUSTER_DEFAULTS.maxConnectionsPerEndpoint),
    maxPendingStreams: integerField(0, 1_000_000, {
      doc: "Streams that wait while every endpoint is full; further ones fail with RESOURCE_EXHAUSTED.",
    }).default(CLUSTER_DEFAULTS.maxPendingStreams),
    endpoints: z
      .array(endpoint)
      .register(fieldNotes, {
        wanted: "a list of endpoints",
        doc: "The backends. Either this or `dns`, not both; an empty list makes the service UNAVAILABLE.",
      })
      .optional(),
    dns: dns.optional(),
  })
  .register(fieldNotes, {
    wanted: "a mapping with name and endpoints or dns",
    doc: "",
  });

const memory = z
  .strictObject({
    budgetOctets: integerField(MIB, 1_024 * MIB, {
      doc: "Most memory for what is under way: flow-control windows, queues, replay copies, output. It is touched only as needed, and shrinks the windows of slow readers before it is used up.",
      unit: "octets",
    }).default(256 * MIB),
    poisonFreed: switchField({
      doc: "Overwrites freed buffers, so that a use after free shows. For hunting faults; it costs speed.",
    }).default(false),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "Memory of the data plane." });

const drain = z
  .strictObject({
    limitMs: integerField(0, HOUR_MS, {
      doc: "How long SIGTERM or `POST /drain` lets streams finish before the rest is cut off. Keep it below the pod's terminationGracePeriodSeconds.",
      unit: "milliseconds",
    }).default(30_000),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "Leaving without breaking streams.", live: true });

const accessLog = z
  .strictObject({
    enabled: switchField({
      doc: "Writes one JSON line per finished stream to standard output.",
    }).default(false),
    sample: shareField({ doc: "Share of the streams that is written, from 0 to 1." }).default(1),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "The access log; values of authorization, cookie and `*-bin` headers are never in it.",
    live: true,
  });

const log = z
  .strictObject({
    level: choiceField(LOG_LEVELS, {
      doc: "Least important level that is written to standard error.",
      env: "ISOBAR_LOG_LEVEL",
    }).default("info"),
  })
  .register(fieldNotes, { wanted: "a mapping with level", doc: "The process's own log.", live: true });

/**
 * The configuration file: every key with type, range, unit, default and documentation. Types, validation, error
 * messages and docs/configuration.md all come from here. What spans several keys is in cross-check.ts.
 */
export const configSchema = z
  .strictObject({
    node: node.prefault({}),
    admin: admin.prefault({}),
    metrics: metrics.optional(),
    listeners: z
      .array(listener)
      .min(1)
      .register(fieldNotes, { wanted: "a list of at least one listener", doc: "Where clients connect." }),
    clusters: z
      .array(cluster)
      .register(fieldNotes, {
        wanted: "a list of clusters",
        doc: "The services this proxy knows; an `:authority` that is not among them is answered UNIMPLEMENTED.",
        live: true,
      })
      .default([]),
    memory: memory.prefault({}),
    drain: drain.prefault({}),
    accessLog: accessLog.prefault({}),
    log: log.prefault({}),
    concurrency: integerField(1, 1, {
      wanted: "1",
      doc: "Worker threads of the data plane. This version runs exactly one.",
      advice: "several data-plane threads are not supported yet",
    }).default(1),
  })
  .register(fieldNotes, { wanted: 'a mapping with at least "listeners"', doc: "" });
