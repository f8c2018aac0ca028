import type { LocalAnswer } from "../port/local-answer.ts";
import type { CallerPod } from "./caller-pod.ts";

/** What a pod asks the node's own address for, to learn whether it is known here. */
export const CALLER_PATH = "/isobar/caller";

/** What a pod asks the node's own address for, to learn the keys that callers' tokens are signed with. */
export const KEYS_PATH = "/isobar/identity-keys";

/** @param keys a JSON Web Key Set; "" where callers are not named. @returns the answer to a pod that asks for it. */
export function keysAnswer(keys: string): LocalAnswer {
  if (keys !== "") return { status: 200, reason: "OK", text: keys, type: "application/jwk-set+json" };
  return {
    status: 404,
    reason: "Not Found",
    text: "this proxy tells endpoints nothing of callers (capture.identity)",
  };
}

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
