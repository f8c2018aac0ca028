import { z } from "zod";
import { LOG_LEVELS } from "../telemetry/log.ts";
import { callerSchema, captureSchema } from "./capture-schema.ts";
import { clusterSchema } from "./cluster-schema.ts";
import {
  choiceField,
  fieldNotes,
  integerField,
  listenAddressField,
  shareField,
  switchField,
  textField,
} from "./config-fields.ts";
import { controlPlaneSchema } from "./control-plane-schema.ts";
import { explainSchema } from "./explain-schema.ts";
import { keepaliveSchema } from "./keepalive-schema.ts";
import { limitsSchema } from "./limits-schema.ts";
import { listenerSchema } from "./listener-schema.ts";
import { NAME, ZONE } from "./name-patterns.ts";
import { overloadSchema } from "./overload-schema.ts";
import { routeSchema } from "./routes-schema.ts";
import { tracingSchema } from "./tracing-schema.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MIB = 1_048_576;
const MAX_WORKERS = 16;

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
        doc: "The zone this proxy runs in. Healthy endpoints of the same zone are picked first; an empty zone has no such preference, unless a control plane knows the node's zone.",
        defaultText: "empty",
        env: "ISOBAR_NODE_ZONE",
      },
      ZONE,
    ).default(""),
    region: textField(
      {
        wanted: "the name of a region, or an empty one",
        doc: "The region of that zone: preferred when the zone cannot take it all.",
        defaultText: "empty",
        env: "ISOBAR_NODE_REGION",
      },
      ZONE,
    ).default(""),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "Who this proxy is." });

const fleet = z
  .strictObject({
    nodeIndex: integerField(0, 1_000_000, { doc: "Which of the fleet's proxies this is, from 0." }),
    nodeCount: integerField(1, 1_000_000, { doc: "How many proxies there are." }),
    zoneIndex: integerField(0, 1_000_000, {
      doc: "Which of the proxies of `node.zone` this is, from 0. Needed for subsets where near endpoints are preferred: those of a zone are shared out among its own proxies.",
      defaultText: "not known",
    }).optional(),
    zoneCount: integerField(1, 1_000_000, {
      doc: "How many proxies there are in `node.zone`.",
      defaultText: "not known",
    }).optional(),
    trafficShare: shareField({
      doc: "Share of a service's traffic that comes through this proxy.",
      defaultText: "an even share",
    }).optional(),
  })
  .register(fieldNotes, {
    wanted: "a mapping with nodeIndex and nodeCount",
    doc: "The other proxies that send to the same services, for deterministic subsets (`clusters[].loadBalancer.subset`). Absent: this is the only one.",
    live: true,
  });

const admin = z
  .strictObject({
    address: listenAddressField({
      doc: "Where the admin server listens. It shows the whole state and can start a drain, so it belongs on loopback or a unix socket.",
      env: "ISOBAR_ADMIN_ADDRESS",
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
      wanted: 'an address "ip:port", "[ipv6]:port", "HOST_IP:port" or "unix:/path"',
      doc: "Where `GET /metrics` is served, and nothing else; it may be reachable from other machines. `HOST_IP:15020` is the port at the address that the environment variable HOST_IP has, IPv4 or IPv6: the node's own in a DaemonSet.",
    }),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "The metrics server for Prometheus. Without this section there is none.",
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
    delayMs: integerField(0, HOUR_MS, {
      doc: "How long everything goes on after SIGTERM or `POST /drain`, with `/ready` at 503 already: new clients come until whoever watches readiness (a Kubernetes Service, a load balancer) sends them elsewhere. SIGINT, a person's Ctrl-C, does not wait. Together with `limitMs` it has to stay below the pod's terminationGracePeriodSeconds.",
      unit: "milliseconds",
    }).default(0),
    limitMs: integerField(0, HOUR_MS, {
      doc: "How long SIGTERM or `POST /drain` lets streams finish before the rest is cut off, from the end of `delayMs` on.",
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
    fleet: fleet.optional(),
    admin: admin.prefault({}),
    metrics: metrics.optional(),
    listeners: z.array(listenerSchema).register(fieldNotes, {
      wanted: "a list of at least one listener",
      doc: "Where clients connect; with `capture` the list may be empty.",
    }),
    capture: captureSchema.optional(),
    callers: z
      .array(callerSchema)
      .register(fieldNotes, {
        wanted: "a list of pods",
        doc: "The pods of this node, where no control plane says which there are. Nobody else is let in where connections are captured.",
        defaultText: "none",
        live: true,
      })
      .optional(),
    clusters: z
      .array(clusterSchema)
      .register(fieldNotes, {
        wanted: "a list of clusters",
        doc: "The services this proxy knows; an `:authority` that is not among them is asked for where there is a `controlPlane`, or else answered UNIMPLEMENTED.",
        live: true,
      })
      .default([]),
    controlPlane: controlPlaneSchema.optional(),
    routes: z
      .array(routeSchema)
      .register(fieldNotes, {
        wanted: "a list of routes",
        doc: "What is done with some of the requests: other clusters, splits, some of the endpoints only, changed headers, copies ([routes](routes.md)). Of several that match the first counts; where none does, the `:authority` selects the cluster.",
        defaultText: "none",
        live: true,
      })
      .optional(),
    memory: memory.prefault({}),
    limits: limitsSchema.prefault({}),
    keepalive: keepaliveSchema.prefault({}),
    overload: overloadSchema.prefault({}),
    drain: drain.prefault({}),
    accessLog: accessLog.prefault({}),
    explain: explainSchema.prefault({}),
    tracing: tracingSchema.optional(),
    log: log.prefault({}),
    concurrency: integerField(1, MAX_WORKERS, {
      doc: "Worker threads of the data plane, each able to use one core. Above 1 one more thread accepts connections and hands each to the worker with the fewest; all of a connection's streams stay on its worker. `memory.budgetOctets` is shared out evenly.",
    }).default(1),
  })
  .register(fieldNotes, { wanted: 'a mapping with at least "listeners"', doc: "" });
