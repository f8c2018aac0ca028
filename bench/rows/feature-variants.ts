import {
  outliers,
  requestLimits,
  retries,
  rightPick,
  rightPickLimited,
  twoZones,
} from "../lib/right-pick.ts";
import type { ConfigExtras } from "../lib/write-isobar-config.ts";

/** One way to configure the same proxy. */
export interface FeatureVariant {
  name: string;
  extras: ConfigExtras;
}

const plain: ConfigExtras = { metrics: false };

function plainWith(extras: ConfigExtras): ConfigExtras {
  return { ...plain, ...extras };
}

/** A method of each route, of which the benchmark calls one: none of the others holds. */
const routes = [
  "routes:",
  ...["Other", "Another"].map(
    (method) =>
      `  - { name: ${method.toLowerCase()}, authorities: ["*"], matches: [{ method: /bench.Echo/${method} }] }`,
  ),
  '  - { name: rest, authorities: ["*"], responseHeaders: { set: { x-proxied: "1" } } }',
];

/** The features absent, configured but off, and on: each alone and many together. The first is what the others are compared with. */
export const featureVariants: readonly FeatureVariant[] = [
  { name: "absent", extras: plain },
  // The same once more: what differs between these two is what two equal processes differ by.
  { name: "absent too", extras: plain },
  {
    name: "off",
    extras: plainWith({
      sections: [
        "accessLog: { enabled: false, sample: 1 }",
        "keepalive: { downstream: { timeMs: 0, idleTimeoutMs: 0, maxConnectionAgeMs: 0 } }",
        "limits: { maxRequestBodyOctets: 0 }",
        "overload: { stopReadingAtShare: 1, refuseStreamsAtShare: 1, notReadyAtShare: 1 }",
        "explain: { sample: 0, allowedSources: [10.0.0.0/8] }",
      ],
      listener: ["protocol: http2"],
      cluster: [
        "keepalive: { timeMs: 0 }",
        "h2UpgradePolicy: DEFAULT",
        "retries: { attempts: 1 }",
        "connectionPool: { http: { maxRequests: 0, maxRequestsPerEndpoint: 0, maxRequestsPerConnection: 0 } }",
      ],
      loadBalancer: "{ policy: least_request, slowStart: { windowMs: 1 }, subset: { enabled: false } }",
    }),
  },
  { name: "metrics", extras: {} },
  { name: "access log", extras: plainWith({ sections: ["accessLog: { enabled: true }"] }) },
  {
    name: "limits",
    extras: plainWith({
      sections: ["limits: { maxRequestBodyOctets: 1048576, perCaller: { connections: 1000 } }"],
    }),
  },
  {
    name: "keepalive",
    extras: plainWith({
      sections: ["keepalive: { downstream: { timeMs: 1000, maxConnectionAgeMs: 3600000 } }"],
      cluster: ["keepalive: { timeMs: 1000 }"],
    }),
  },
  { name: "zones", extras: plainWith(twoZones) },
  { name: "outliers", extras: plainWith(outliers) },
  { name: "retries", extras: plainWith(retries) },
  { name: "request limits", extras: plainWith(requestLimits) },
  { name: "routes", extras: plainWith({ sections: routes }) },
  { name: "explain 1 %", extras: plainWith({ sections: ["explain: { sample: 0.01 }"] }) },
  { name: "right pick", extras: plainWith(rightPick) },
  { name: "right pick, limits", extras: plainWith(rightPickLimited) },
  {
    name: "all",
    extras: {
      ...rightPickLimited,
      sections: [
        "accessLog: { enabled: true }",
        "keepalive: { downstream: { timeMs: 1000, maxConnectionAgeMs: 3600000 } }",
        "limits: { maxRequestBodyOctets: 1048576, perCaller: { connections: 1000 } }",
        "explain: { sample: 0.01 }",
        ...routes,
      ],
      cluster: ["keepalive: { timeMs: 1000 }", ...(rightPickLimited.cluster ?? [])],
    },
  },
];
