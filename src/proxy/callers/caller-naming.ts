import type { HeaderChange } from "../../route/header-change.ts";
import type { CallerPod } from "./caller-pod.ts";

/** Says to endpoints who calls. */
export interface CallerNaming {
  /** @returns what adds the header to a request of the pod to a cluster, the service's name being given; undefined while it cannot be said. */
  of(pod: CallerPod, clusterSlot: number, service: string): HeaderChange | undefined;
  /** @returns the same for HTTP/1.1: the header's name and value; nothing while it cannot be said. */
  fieldsOf(pod: CallerPod, clusterSlot: number, service: string): readonly string[];
  /** @returns what endpoints verify it by: a JSON Web Key Set (RFC 7517). */
  publicKeys(): string;
}
