import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { policySpecSchema } from "../src/controller/policy-spec-schema.ts";
import { TRAFFIC_POLICIES } from "../src/kube/objects/traffic-policy-object.ts";
import { structuralSchema } from "./structural-schema.ts";

const HEAD = `# Generated from src/controller/policy-spec-schema.ts by scripts/gen-crds.ts; edit the schema, not this file.
# kubectl apply -k deploy/crds ; then: kubectl explain trafficpolicy.spec --recursive
`;
const folder = new URL("../deploy/crds/", import.meta.url);
const file = new URL("isobar.dev_trafficpolicies.yaml", folder);

/** @returns the text of the definition of TrafficPolicy. */
export function trafficPolicyDefinition(): string {
  const { group, version, kind, plural } = TRAFFIC_POLICIES;
  const spec = structuralSchema(policySpecSchema) as { readonly properties: object };
  const definition = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames: ["tp"] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            column("Accepted", '.status.conditions[?(@.type=="Accepted")].status'),
            column("Reason", '.status.conditions[?(@.type=="Accepted")].reason'),
            { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
          ],
          schema: {
            openAPIV3Schema: {
              description:
                "What is done with requests for some Services of its namespace. Of several for one Service the oldest counts.",
              type: "object",
              required: ["spec"],
              properties: {
                apiVersion: { type: "string" },
                kind: { type: "string" },
                metadata: { type: "object" },
                spec: {
                  ...spec,
                  required: ["targetRefs"],
                  properties: { targetRefs: TARGETS, ...spec.properties },
                },
                status: { type: "object", properties: { conditions: CONDITIONS } },
              },
            },
          },
        },
      ],
    },
  };
  return HEAD + stringify(definition, { lineWidth: 140, aliasDuplicateObjects: false });
}

const TARGETS = {
  description: "The Services it is for, in its own namespace.",
  type: "array",
  minItems: 1,
  maxItems: 16,
  items: {
    type: "object",
    required: ["name"],
    properties: {
      group: { type: "string", enum: [""], default: "" },
      kind: { type: "string", enum: ["Service"], default: "Service" },
      name: { type: "string", minLength: 1, maxLength: 63, description: "The Service's name." },
    },
  },
};

const CONDITIONS = {
  type: "array",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["type"],
  items: {
    type: "object",
    required: ["type", "status", "reason", "message", "lastTransitionTime"],
    properties: {
      type: { type: "string" },
      status: { type: "string", enum: ["True", "False", "Unknown"] },
      reason: { type: "string" },
      message: { type: "string" },
      observedGeneration: { type: "integer", format: "int64" },
      lastTransitionTime: { type: "string", format: "date-time" },
    },
  },
};

function column(name: string, jsonPath: string): object {
  return { name, type: "string", jsonPath };
}

if (import.meta.main) {
  const text = trafficPolicyDefinition();
  if (process.argv.includes("--check")) {
    if (readFileSync(file, "utf8") !== text) {
      console.error("deploy/crds is not up to date: run node scripts/gen-crds.ts");
      process.exitCode = 1;
    }
  } else {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text);
  }
}
