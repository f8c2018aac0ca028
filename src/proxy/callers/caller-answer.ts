import type { LocalAnswer } from "../port/local-answer.ts";
import type { CallerPod } from "./caller-pod.ts";

/** What a pod asks the node's own address for, to learn whether it is known here. */
export const CALLER_PATH = "/isobar/caller";

/** @returns the answer to a pod that asks who it is. */
export function callerAnswer({
  uid,
  namespace,
  pod,
  serviceAccount,
  mode,
  captured,
}: CallerPod): LocalAnswer {
  const text = JSON.stringify({ known: true, mode, captured, uid, namespace, pod, serviceAccount });
  return { status: 200, reason: "OK", text, type: "application/json" };
}
