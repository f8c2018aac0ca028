import type { TypeUrl } from "../resources/type-url.ts";

/** What one client has, as CSDS would say it, as plain data. */
export interface StreamStatus {
  readonly stream: number;
  readonly peer: string;
  /** `sotw` or `delta`. */
  readonly transport: string;
  readonly nodeId: string;
  /** Who it has proved to be; "" where nobody is asked. */
  readonly who: string;
  readonly kind: string;
  readonly userAgent: string;
  /** As it says; "" when it does not. */
  readonly agentVersion: string;
  readonly region: string;
  readonly zone: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  readonly types: readonly {
    readonly type: TypeUrl;
    readonly wildcard: boolean;
    /** Names asked for. */
    readonly subscribed: number;
    /** Resources that it has been sent, and how many of these it refused. */
    readonly held: number;
    readonly refusedCount: number;
    /** Of the last accepted response; "" for delta streams. */
    readonly acceptedVersion: string;
    /** Responses that the client has not answered yet. */
    readonly unanswered: number;
    /** Empty unless they were asked for. */
    readonly resources: readonly {
      readonly name: string;
      readonly version: string;
      readonly state: "accepted" | "sent" | "refused";
    }[];
    readonly refused: readonly {
      readonly name: string;
      readonly version: string;
      readonly message: string;
      readonly atMs: number;
    }[];
  }[];
}
