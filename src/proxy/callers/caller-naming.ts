import type { HeaderChange } from "../../route/header-change.ts";
import type { CallerPod } from "./caller-pod.ts";

/** Says to endpoints who calls. */
export interface CallerNaming {
  /** @returns what adds the header to a request of the pod to a cluster, the service's name being given; undefined while it cannot be said. */
  of(pod: CallerPod, clusterSlot: number, service: string): HeaderChange | undefined;
}
