import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  readAdmissionReview,
  writeAdmissionReview,
} from "../../../src/control-plane/webhook/admission-review.ts";
import { optInOf } from "../../../src/control-plane/webhook/opt-in-of.ts";
import { PodWebhook } from "../../../src/control-plane/webhook/pod-webhook.ts";
import { WarningEvents } from "../../../src/control-plane/webhook/warning-events.ts";
import type { ClusterObjects } from "../../../src/controller/cluster-objects.ts";
import { NAMESPACES } from "../../../src/kube/objects/namespace-object.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A review with something of everything that is read. */
const REVIEW: Json = {
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: {
    uid: "1",
    namespace: "shop",
    operation: "CREATE",
    dryRun: false,
    resource: { group: "", version: "v1", resource: "pods" },
    object: {
      metadata: {
        name: "p",
        annotations: { "isobar.dev/mode": "proxy-env", "isobar.dev/percent": "100" },
        labels: { app: "p" },
        ownerReferences: [
          { apiVersion: "apps/v1", kind: "ReplicaSet", name: "r", uid: "u", controller: true },
        ],
      },
      spec: {
        hostNetwork: false,
        os: { name: "linux" },
        securityContext: { runAsUser: 0 },
        initContainers: [{ name: "i", resources: { limits: { memory: "1Gi" } } }],
        containers: [
          {
            name: "c",
            env: [{ name: "no_proxy", value: "a,.b,*.c:1" }],
            envFrom: [],
            resources: { requests: { cpu: 1 } },
          },
        ],
      },
    },
  },
};

/** @returns the places of a value: paths of keys. */
function placesOf(value: Json, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  const below = Object.entries(value).flatMap(([key, inner]) => placesOf(inner as Json, [...path, key]));
  return [path, ...below];
}

function replaced(value: Json, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy: unknown = Array.isArray(value) ? [...value] : { ...(value as object) };
  const inner = Reflect.get(value as object, key) as Json;
  Reflect.set(copy as object, key, replaced(inner, rest, by));
  return copy;
}

describe("a review", () => {
  it("never makes the webhook throw, whatever stands in any of its places", () => {
    const namespace = NAMESPACES.decode({ metadata: { annotations: { "isobar.dev/mode": "transparent" } } });
    const namespaces = { get: () => namespace } as unknown as ClusterObjects["namespaces"];
    const webhook = new PodWebhook({
      settings: { image: "i", door: "1.2.3.4:5", domain: "cluster.local" },
      optIn: (name, pod) => optInOf({ namespaces }, name, pod),
      events: new WarningEvents({ put: (_, make) => void make() }, () => 1),
    });
    const answered = { fine: 0, refused: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...placesOf(REVIEW)), fc.jsonValue(), (place, by) => {
        const review = readAdmissionReview(JSON.stringify(replaced(REVIEW, place, by)));
        if ("problem" in review) answered.refused++;
        else {
          const verdict = webhook.answer(review);
          assert.ok(verdict !== undefined);
          assert.ok(verdict.warnings.every((each) => each.length <= 256));
          JSON.parse(writeAdmissionReview(review.uid, verdict));
          answered.fine++;
        }
      }),
      { numRuns: 3_000, seed: 7 },
    );
    assert.ok(answered.fine > 100 && answered.refused > 100, JSON.stringify(answered));
  });

  it("that is no JSON is refused in words", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const read = readAdmissionReview(text);
        assert.match((read as { problem: string }).problem, /^found .*, wanted an AdmissionReview/s);
      }),
      { numRuns: 300, seed: 7 },
    );
  });

  it("is answered by its uid alone where nothing is to be done", () => {
    const { response } = JSON.parse(writeAdmissionReview("7", { patch: [], warnings: [] })) as {
      response: object;
    };
    assert.deepEqual(response, { uid: "7", allowed: true });
  });
});
