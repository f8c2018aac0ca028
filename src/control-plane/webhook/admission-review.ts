import { z } from "zod";

/** A variable of a container, as far as it is read. */
const variable = z.looseObject({
  name: z.string(),
  value: z.string().nullish(),
  valueFrom: z.unknown().optional(),
});

const amounts = z.record(z.string(), z.union([z.string(), z.number()])).nullish();
const resources = z.looseObject({ limits: amounts, requests: amounts });

const container = z.looseObject({
  name: z.string().default(""),
  env: z.array(variable).nullish(),
  envFrom: z.array(z.unknown()).nullish(),
  resources: resources.nullish(),
});

const texts = z.record(z.string(), z.string()).nullish();

const pod = z.looseObject({
  metadata: z.looseObject({
    name: z.string().optional(),
    annotations: texts,
    labels: texts,
    ownerReferences: z
      .array(
        z.looseObject({
          apiVersion: z.string(),
          kind: z.string(),
          name: z.string(),
          uid: z.string(),
          controller: z.boolean().nullish(),
        }),
      )
      .nullish(),
  }),
  spec: z.looseObject({
    containers: z.array(container),
    initContainers: z.array(container).nullish(),
    hostNetwork: z.boolean().nullish(),
    securityContext: z.looseObject({ runAsUser: z.number().nullish() }).nullish(),
    os: z.looseObject({ name: z.string() }).nullish(),
  }),
});

const review = z.looseObject({
  apiVersion: z.literal("admission.k8s.io/v1"),
  kind: z.literal("AdmissionReview"),
  request: z.looseObject({
    uid: z.string().min(1).max(256),
    namespace: z.string().min(1).max(253),
    operation: z.string(),
    dryRun: z.boolean().nullish(),
    resource: z.looseObject({ group: z.string(), resource: z.string() }),
    object: pod,
  }),
});

/** A container of a Pod, as far as it is read. */
export type PodContainer = z.infer<typeof container>;

/** What a container asks for, and what it may have: quantities by name. */
export type ContainerResources = z.infer<typeof resources>;

/** A Pod on its way into the API server, as far as it is read. Names and times that the API server gives are not there yet, nor is the UID. */
export type IncomingPod = z.infer<typeof pod>;

/** What the API server asks. Source: Kubernetes API, admission/v1 AdmissionRequest. */
export type AdmissionRequest = z.infer<typeof review>["request"];

/** One step of a JSON Patch. Source: RFC 6902. */
export interface PatchOperation {
  readonly op: "add" | "test";
  readonly path: string;
  readonly value: unknown;
}

/** What the API server is told: a Pod is always let in. */
export interface AdmissionAnswer {
  readonly patch: readonly PatchOperation[];
  /** For whoever creates the Pod; at most 256 characters each are shown. */
  readonly warnings: readonly string[];
}

/** @returns the request, or what is wrong with the text. Never throws. */
export function readAdmissionReview(text: string): AdmissionRequest | { readonly problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problem: "found no JSON, wanted an AdmissionReview" };
  }
  const read = review.safeParse(json);
  if (read.success) return read.data.request;
  const [issue] = read.error.issues;
  const place = (issue?.path ?? []).join(".");
  return {
    problem: `found ${place === "" ? "something" : place} that does not fit (${issue?.message ?? ""}), wanted an AdmissionReview of admission.k8s.io/v1 about a Pod`,
  };
}

/** @returns the text of the answer. @param uid of the request. */
export function writeAdmissionReview(uid: string, { patch, warnings }: AdmissionAnswer): string {
  const response = {
    uid,
    allowed: true,
    ...(patch.length === 0
      ? {}
      : { patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(patch)).toString("base64") }),
    ...(warnings.length === 0 ? {} : { warnings }),
  };
  return JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response });
}

/** @returns a key as a part of a path. Source: RFC 6901 §3. */
export function pointerPart(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
