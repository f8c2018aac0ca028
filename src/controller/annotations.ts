import { closestWord } from "../config/closest-word.ts";
import { DURATION, durationMs } from "../config/duration-ms.ts";
import { ANNOTATION_PREFIX } from "../kube/objects/own-annotations.ts";
import { readWiderPorts } from "./capture/captured-ports.ts";
import { compilePolicySpec } from "./compile-policy-spec.ts";
import { isReadableOptIn } from "./opt-in.ts";
import type { Problem } from "./problem.ts";

/** A part of a TrafficPolicy's spec. */
export type SpecPart = Readonly<Record<string, unknown>>;

/** An annotation of a Service, or of a Namespace for all its Services. */
interface Annotation {
  /** What the value may be, for messages and the documentation. */
  readonly wanted: string;
  /** What it does, for the documentation. */
  readonly doc: string;
  /** @returns the same said by a policy; undefined where the value is nonsense beyond what the policy's own check would find. */
  toSpec(value: string): SpecPart | undefined;
}

const ZONE_MODES: Readonly<Record<string, object>> = {
  none: { distribution: "none" },
  PreferSameZone: { distribution: "PreferSameZone" },
  PreferSameNode: { distribution: "PreferSameNode" },
  OnlySameZone: { distribution: "PreferSameZone", strict: true },
  OnlySameNode: { distribution: "OnlySameNode" },
};

/** All annotations there are, without their prefix. */
export const ANNOTATIONS: Readonly<Record<string, Annotation>> = {
  policy: {
    wanted: "least_request, round_robin, random, client_side_weighted_round_robin, ring_hash or maglev",
    doc: "How a stream finds its endpoint.",
    toSpec: (value) => ({ loadBalancer: { policy: value } }),
  },
  metric: {
    wanted: "in_flight, peak_ewma, utilization or locality_aware",
    doc: "What `least_request` compares.",
    toSpec: (value) => ({ loadBalancer: { metric: value } }),
  },
  "zone-mode": {
    wanted: "none, PreferSameZone, PreferSameNode, OnlySameZone or OnlySameNode",
    doc: "Which endpoints are near; all but `OnlySameZone` and `OnlySameNode` go further when the near ones have too much to do.",
    toSpec: (value) => ZONE_MODES[value] && { loadBalancer: { locality: ZONE_MODES[value] } },
  },
  "slow-start": {
    wanted: 'a duration such as "30s"',
    doc: "How long the share of a new endpoint grows.",
    toSpec: (value) =>
      DURATION.test(value) ? { loadBalancer: { slowStart: { windowMs: durationMs(value) } } } : undefined,
  },
  "hash-header": {
    wanted: "the name of a header, in lower case",
    doc: "Requests with the same value go together; with `policy: ring_hash` or `maglev`.",
    toSpec: (value) => ({ loadBalancer: { hash: { keys: [{ header: value }] } } }),
  },
  timeout: {
    wanted: 'a duration such as "5s"',
    doc: "Limit of a whole request; a client's shorter deadline counts instead.",
    toSpec: (value) => ({ timeouts: { request: value } }),
  },
  "idle-timeout": {
    wanted: 'a duration such as "5m"',
    doc: "Limit for a stream on which nothing moves.",
    toSpec: (value) => ({ timeouts: { idle: value } }),
  },
  retries: {
    wanted: "a whole number from 1 to 10",
    doc: "Attempts in all, the first included; 1 retries nothing.",
    toSpec: (value) => ({ retries: { attempts: numberOf(value) } }),
  },
  "outlier-detection": {
    wanted: '"true"',
    doc: "Sets endpoints aside that keep failing, by the default rules.",
    toSpec: (value) => (value === "true" ? { outlierDetection: {} } : value === "false" ? {} : undefined),
  },
  "health-check": {
    wanted: "grpc, tcp, or http: and a path, such as http:/health",
    doc: "Asks the endpoints whether they are well.",
    toSpec: (value) => {
      if (value === "grpc") return { healthCheck: { grpc: {} } };
      if (value === "tcp") return { healthCheck: { tcpSocket: {} } };
      return value.startsWith("http:") ? { healthCheck: { httpGet: { path: value.slice(5) } } } : undefined;
    },
  },
  protocol: {
    wanted: "http2, http1 or tcp",
    doc: "What the endpoints speak, where `appProtocol` and the port's name do not say it.",
    toSpec: (value) => ({ protocol: value }),
  },
  global: {
    wanted: '"true" or "false"',
    doc: "Makes the Service one with the Services of its name in other clusters that say so too ([several clusters](control-plane.md#several-clusters)).",
    toSpec: (value) => (value === "true" || value === "false" ? {} : undefined),
  },
  "endpoint-labels": {
    wanted: "names of Pod labels, separated by commas",
    doc: "Labels that endpoints get of their Pods, for routes that restrict requests to some of them.",
    toSpec: (value) => ({ endpoints: { labels: value.split(",").map((name) => name.trim()) } }),
  },
  "weight-label": {
    wanted: "the name of a Pod label",
    doc: "Label that holds a Pod's weight, 1 to 65,535.",
    toSpec: (value) => ({ endpoints: { weightLabel: value } }),
  },
};

/** Kinds of objects that carry annotations of ours. */
export type AnnotatedKind = "Namespace" | "Service" | "Pod";

/** An annotation that says nothing of how a Service is called. */
interface OtherAnnotation extends Omit<Annotation, "toSpec"> {
  readonly on: readonly AnnotatedKind[];
  isGood(value: string, kind: AnnotatedKind): boolean;
}

const NAMESPACES = /^\s*(?:\*|[a-z0-9-]+)\s*(?:,\s*(?:\*|[a-z0-9-]+)\s*)*$/;
/** Said where nobody is to be let in. */
const NOBODY = "none";

/** Annotations that say nothing of how a Service is called; other parts of the product read them. */
export const OTHER_ANNOTATIONS: Readonly<Record<string, OtherAnnotation>> = {
  mode: {
    on: ["Namespace", "Pod", "Service"],
    wanted: "transparent, proxy-env, address or off; of a Service: off",
    doc: "Of a Namespace or Pod: its Pods' calls go through the proxy of their node, which may then ask for what they may call. `off` of a Service: its connections are not captured.",
    isGood: (value, kind) => (kind === "Service" ? value === "off" : isReadableOptIn("mode", value)),
  },
  percent: {
    on: ["Namespace", "Pod"],
    wanted: "a whole number from 0 to 100",
    doc: "How many of a hundred of its Pods are captured, by their UIDs; raising it only adds Pods. A Pod that says its `mode` itself is captured whatever it is. In `proxy-env` it is how many of a hundred get their variables, by chance as they are created; Pods of mode `address` come by themselves.",
    isGood: (value) => isReadableOptIn("percent", value),
  },
  reclaim: {
    on: ["Namespace", "Pod"],
    wanted: "on or off",
    doc: "Whether connections that went past the proxy, because they were older or it was away, may be reset, few at a time, so that they come back through it.",
    isGood: (value) => isReadableOptIn("reclaim", value),
  },
  fail: {
    on: ["Namespace", "Pod"],
    wanted: "open or closed",
    doc: "What becomes of captured connections while no proxy works: they go to the Service as without Isobar, or they are refused.",
    isGood: (value) => isReadableOptIn("fail", value),
  },
  ports: {
    on: ["Service", "Namespace"],
    wanted: "numbers of ports, separated by commas, or all",
    doc: "Ports of the Service, or of the Namespace's Services, that are captured beside those that say gRPC.",
    isGood: (value) => readWiderPorts(value) !== undefined,
  },
  injected: {
    on: ["Pod"],
    wanted: "anything",
    doc: "Written by the webhook: what it has done with the Pod.",
    isGood: () => true,
  },
  "callable-from": {
    on: ["Service", "Namespace"],
    wanted: "names of namespaces, separated by commas; * for all, none for nobody",
    doc: "Namespaces whose Pods may call it; all, where it is not said.",
    isGood: (value) => value === NOBODY || NAMESPACES.test(value),
  },
};

/**
 * Reads annotations, each for itself: one that is wrong takes no other with it.
 *
 * @param annotations without their prefix.
 * @param kind of the object that carries them.
 * @returns what the good ones say as a policy would, one part each, and what is wrong with the others.
 */
export function readAnnotations(
  annotations: Readonly<Record<string, string>>,
  kind: AnnotatedKind,
): {
  readonly parts: ReadonlyMap<string, SpecPart>;
  readonly problems: readonly Problem[];
} {
  const parts = new Map<string, SpecPart>();
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(annotations)) {
    const field = `metadata.annotations[${ANNOTATION_PREFIX}${name}]`;
    const other = OTHER_ANNOTATIONS[name];
    if (other !== undefined) {
      if (!other.on.includes(kind))
        problems.push({ field, text: `found it on a ${kind}, wanted it on a ${other.on.join(" or ")}` });
      else if (!other.isGood(value, kind))
        problems.push({ field, text: `found ${JSON.stringify(value)}, wanted ${other.wanted}` });
      continue;
    }
    const annotation = ANNOTATIONS[name];
    if (annotation === undefined) {
      problems.push({ field, text: unknownText(name) });
      continue;
    }
    if (kind === "Pod") {
      problems.push({ field, text: "found it on a Pod, wanted it on a Service or Namespace" });
      continue;
    }
    const part = annotation.toSpec(value);
    if (part === undefined || compilePolicySpec(part).problems !== undefined) {
      problems.push({ field, text: `found ${JSON.stringify(value)}, wanted ${annotation.wanted}` });
    } else parts.set(name, part);
  }
  return { parts, problems };
}

/** @returns one part that says what all say; of two that say the same thing the later one counts. */
export function joinParts(parts: Iterable<SpecPart>): SpecPart {
  let joined: SpecPart = {};
  for (const part of parts) joined = join(joined, part);
  return joined;
}

function join(one: SpecPart, other: SpecPart): SpecPart {
  const joined: Record<string, unknown> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const known = joined[key];
    joined[key] = isMapping(known) && isMapping(value) ? join(known, value) : value;
  }
  return joined;
}

function isMapping(value: unknown): value is SpecPart {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function numberOf(text: string): number | string {
  return /^[0-9]{1,6}$/.test(text) ? Number(text) : text;
}

function unknownText(name: string): string {
  const known = Object.keys(ANNOTATIONS);
  const meant = closestWord(name, [...known, ...Object.keys(OTHER_ANNOTATIONS)]);
  return meant === undefined
    ? `found an unknown annotation, wanted one of ${known.join(", ")}`
    : `found an unknown annotation; did you mean ${ANNOTATION_PREFIX}${meant}?`;
}
