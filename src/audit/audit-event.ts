import type { ChangeCause, ServiceModel } from "../resource/service.ts";
import type { AuditedStream } from "./audited-stream.ts";
import type { JsonObject } from "./json-diff.ts";
import type { ServicePart } from "./service-state.ts";

/** A response as the server keeps it until it is answered; the same object in both events. Versions by the names of resources, "" for one that is gone. */
export interface AuditedResponse {
  readonly resources: ReadonlyMap<string, string>;
}

/** Something that happened and has not been written yet. */
export type AuditEvent = { readonly atMs: number } & (
  | { readonly kind: "service"; readonly model: ServiceModel }
  | { readonly kind: "gone"; readonly name: string; readonly cause: ChangeCause | undefined }
  | {
      readonly kind: "policy";
      readonly policy: string;
      readonly cause: ChangeCause;
      readonly spec: JsonObject | null;
    }
  | { readonly kind: "opened"; readonly stream: AuditedStream }
  | { readonly kind: "closed"; readonly stream: number }
  | {
      readonly kind: "began";
      readonly stream: number;
      readonly part: ServicePart;
      /** Versions of what the client says it has, by name; undefined: it does not say. */
      readonly brought: ReadonlyMap<string, string> | undefined;
    }
  | {
      readonly kind: "current" | "dropped";
      readonly stream: number;
      readonly part: ServicePart;
      readonly name: string;
    }
  | {
      readonly kind: "pushed";
      readonly stream: number;
      readonly part: ServicePart;
      readonly response: AuditedResponse;
    }
  | {
      readonly kind: "answered";
      readonly stream: number;
      readonly response: AuditedResponse;
      /** Why it was refused; undefined if accepted. */
      readonly message: string | undefined;
    }
);
