import { z } from "zod";
import { healthCheckSchema, outlierDetectionSchema } from "../config/cluster-health-schema.ts";
import {
  connectionPoolSchema,
  hedgingSchema,
  retriesSchema,
  timeoutsSchema,
} from "../config/cluster-requests-schema.ts";
import { clusterSchema } from "../config/cluster-schema.ts";
import { choiceField, fieldNotes, integerField, shareField, textField } from "../config/config-fields.ts";
import { durationField } from "../config/duration-field.ts";
import { loadBalancerSchema } from "../config/load-balancer-schema.ts";
import { LABEL_NAME } from "../config/name-patterns.ts";
import { CLUSTER_PROTOCOLS, H2_UPGRADE_POLICIES } from "../resource/cluster.ts";
import { LOAD_BALANCING_POLICIES } from "../resource/load-balancing.ts";

const DAY_MS = 86_400_000;

const label = textField({ wanted: "the name of a Pod label", doc: "The name of a Pod label." }, LABEL_NAME);

const endpoints = z
  .strictObject({
    labels: z
      .array(label)
      .max(16)
      .register(fieldNotes, {
        wanted: "a list of at most 16 names of Pod labels",
        doc: "Labels of the Pods that their endpoints get, for routes that restrict requests to some of them: shards, versions.",
      })
      .default([]),
    weightLabel: textField(
      {
        wanted: "the name of a Pod label",
        doc: "Label that holds a Pod's weight, 1 to 65,535: its share of the picks in proportion to the others. A Pod without it has 1.",
      },
      LABEL_NAME,
    ).optional(),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "What is taken over from the Pods behind the Service." });

const slo = z
  .strictObject({
    p95: durationField(1, DAY_MS, { doc: "95 % of the requests are answered within this." }).optional(),
    errorRate: shareField({
      doc: "Share of the requests that may fail for the endpoints' fault.",
    }).optional(),
    success: shareField({ doc: "Share of the requests that succeed." }).optional(),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "What the Service promises: the control plane shows it as metrics (`isobar_slo_…`), and the alerts of deploy/monitoring go by it.",
  });

/** `module:` would run a file of the node's in the daemon at a namespace owner's word; only the daemon's own file may say so. */
const loadBalancer = loadBalancerSchema.extend({
  policy: choiceField(LOAD_BALANCING_POLICIES, {
    doc: "How a stream finds its endpoint. `least_request` draws different endpoints and takes the least loaded for its weight; `round_robin` and `random` go by weight alone; `client_side_weighted_round_robin` makes the weights of what endpoints report; `ring_hash` and `maglev` keep requests with equal `hash` together.",
  }).default("least_request"),
});
fieldNotes.add(loadBalancer, {
  wanted: "a mapping",
  doc: "How a stream finds its endpoint. `locality`, `slowStart`, `hash`, `loadReports`, `resourceWeight` and `subset` are sections of their own: one that is absent stays as annotations and the Service have it.",
});

const { keepalive } = clusterSchema.shape;

/**
 * What may be said about a service from outside it, by a TrafficPolicy or by annotations: the keys of a cluster in the proxy's own
 * file, without its name and endpoints.
 */
export const policySpecSchema = z
  .strictObject({
    loadBalancer: loadBalancer.optional(),
    outlierDetection: outlierDetectionSchema.optional(),
    healthCheck: healthCheckSchema.optional(),
    retries: retriesSchema.optional(),
    hedging: hedgingSchema.optional(),
    timeouts: timeoutsSchema.optional(),
    connectionPool: connectionPoolSchema.optional(),
    maxPendingStreams: integerField(0, 1_000_000, {
      doc: "Streams that wait while every endpoint is full; further ones fail with RESOURCE_EXHAUSTED.",
    }).optional(),
    protocol: choiceField(CLUSTER_PROTOCOLS, {
      doc: "What the endpoints speak. Default: as the Service's `appProtocol` or the port's name says.",
    }).optional(),
    h2UpgradePolicy: choiceField(H2_UPGRADE_POLICIES, {
      doc: "What becomes of HTTP/1.1, in the words of Istio's DestinationRule.",
    }).optional(),
    keepalive: keepalive.unwrap().optional(),
    endpoints: endpoints.optional(),
    slo: slo.optional(),
  })
  .register(fieldNotes, { wanted: "a mapping", doc: "What is done with requests for the Services." });

/** What a policy says after its defaults have been filled in. */
export type PolicySpec = z.output<typeof policySpecSchema>;
