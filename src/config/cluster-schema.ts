import { z } from "zod";
import { CLUSTER_DEFAULTS, CLUSTER_PROTOCOLS, H2_UPGRADE_POLICIES } from "../resource/cluster.ts";
import { MAX_ENDPOINT_WEIGHT } from "../resource/endpoint.ts";
import { healthCheckSchema, outlierDetectionSchema } from "./cluster-health-schema.ts";
import {
  connectionPoolSchema,
  hedgingSchema,
  retriesSchema,
  timeoutsSchema,
} from "./cluster-requests-schema.ts";
import { clusterTlsSchema } from "./cluster-tls-schema.ts";
import { choiceField, endpointAddressField, fieldNotes, integerField, textField } from "./config-fields.ts";
import { loadBalancerSchema } from "./load-balancer-schema.ts";
import { LABEL_NAME, NAME, ZONE } from "./name-patterns.ts";

const HOST_NAME = /^(?=[^.])[A-Za-z0-9._-]+\.?$/;
/** Host with or without port as a client writes `:authority`: a name, an IPv4 address or an IPv6 one in brackets. */
const AUTHORITY = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

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
    region: textField(
      {
        wanted: "the name of a region, or an empty one",
        doc: "The region of that zone.",
        defaultText: "empty",
      },
      ZONE,
    ).default(""),
    node: textField(
      {
        wanted: "the name of a node",
        doc: "The node the endpoint runs on, as `node.id` of the proxy there.",
        defaultText: "empty",
      },
      NAME,
    ).optional(),
    priority: integerField(0, 127, {
      doc: "Endpoints of a higher number get only what those of lower ones cannot take.",
    }).default(0),
    labels: z
      .record(z.string().regex(LABEL_NAME), z.string().max(253))
      .register(fieldNotes, {
        wanted: "a mapping of names to texts",
        doc: "For routes that restrict requests to some of the endpoints.",
        defaultText: "none",
      })
      .default({}),
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

const keepalive = z
  .strictObject({
    timeMs: integerField(0, HOUR_MS, {
      doc: "How long an endpoint with streams open may be silent before it is sent one PING; while it stays silent, further ones follow every five minutes, which every gRPC server permits. 0 sends none.",
      unit: "milliseconds",
    }).default(CLUSTER_DEFAULTS.keepaliveTimeMs),
    timeoutMs: integerField(100, HOUR_MS, {
      doc: "How long the answer may take before the connection is given up.",
      unit: "milliseconds",
    }).default(CLUSTER_DEFAULTS.keepaliveTimeoutMs),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "Finds endpoints that vanished without a word." });

/** One service: its name, how its endpoints are found and picked. */
export const clusterSchema = z
  .strictObject({
    name: textField(
      {
        wanted: "the :authority that selects the cluster, such as echo.default.svc.cluster.local:50051",
        doc: "The `:authority` that selects this cluster, with port if clients send one; unique, whatever the case of its letters.",
        advice: "leave out scheme and path",
      },
      AUTHORITY,
    ),
    loadBalancer: loadBalancerSchema.prefault({}),
    outlierDetection: outlierDetectionSchema.optional(),
    healthCheck: healthCheckSchema.optional(),
    retries: retriesSchema.optional(),
    hedging: hedgingSchema.optional(),
    timeouts: timeoutsSchema.prefault({}),
    connectionPool: connectionPoolSchema.prefault({}),
    connectTimeoutMs: integerField(10, MINUTE_MS, {
      doc: "How long a connection attempt may take (TCP and the first SETTINGS together) before its streams move to another endpoint.",
      unit: "milliseconds",
      defaultText: String(CLUSTER_DEFAULTS.connectTimeoutMs),
    }).optional(),
    maxConnectionsPerEndpoint: integerField(1, 65_535, {
      doc: "Connections to one endpoint at most; a second one is opened when the first carries as many streams as the endpoint permits.",
      defaultText: String(CLUSTER_DEFAULTS.maxConnectionsPerEndpoint),
    }).optional(),
    maxPendingStreams: integerField(0, 1_000_000, {
      doc: "Streams that wait while every endpoint is full; further ones fail with RESOURCE_EXHAUSTED.",
    }).default(CLUSTER_DEFAULTS.maxPendingStreams),
    protocol: choiceField(CLUSTER_PROTOCOLS, {
      doc: "What the endpoints speak. `http1` and `tcp` connections are passed on to one endpoint each, over TLS where the cluster has `tls`.",
    }).default(CLUSTER_DEFAULTS.protocol),
    h2UpgradePolicy: choiceField(H2_UPGRADE_POLICIES, {
      doc: "What becomes of HTTP/1.1: by `DEFAULT` a connection is passed on unchanged to one endpoint, unless the endpoints speak `http1` and a [route](routes.md) is for them; `UPGRADE` handles each request and sends it as HTTP/2 where the endpoint speaks it (by ALPN with `tls`, without it if `protocol` is `http2`), `DO_NOT_UPGRADE` handles each request and sends it as HTTP/1.1. With `tls` nothing can be passed on unchanged, and `DEFAULT` is `UPGRADE`.",
      defaultText: `"${CLUSTER_DEFAULTS.h2UpgradePolicy}"`,
    }).optional(),
    keepalive: keepalive.prefault({}),
    tls: clusterTlsSchema.optional(),
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
