import type { CallerAccess } from "../../resource/access/access-policy.ts";
import type { Shape } from "./shape.ts";
import { isRecord, listOf, number, object, optional, parseJson, recordOf, text } from "./shape.ts";

const MAX_PORT = 65_535;
const labels = recordOf(text);
const selector = object({
  matchLabels: labels,
  matchExpressions: listOf(object({ key: text, operator: text, values: listOf(text) })),
});
const peer = object({
  podSelector: optional(selector),
  namespaceSelector: optional(selector),
  ipBlock: optional(object({ cidr: text, except: listOf(text) })),
});
const port: Shape = (value, path) => {
  object({ protocol: text, endPort: optional(number(1, MAX_PORT)) })(value, path);
  const said = isRecord(value) ? value["port"] : undefined;
  if (said !== undefined && typeof said !== "string") number(1, MAX_PORT)(said, `${path}.port`);
};
const policy = object({
  name: text,
  namespace: text,
  rules: listOf(object({ peers: listOf(peer), ports: listOf(port) })),
});

/** What a cluster's settings say of who may connect to its endpoints. */
export const serviceAccessShape: Shape = object({
  ingress: listOf(policy),
  classes: listOf(object({ namespace: text, labels, namespaceLabels: labels, ingress: listOf(number(0)) })),
  members: recordOf(number(0)),
  portNames: listOf(text),
});

const callerAccessShape = object({ labels, namespaceLabels: labels, egress: listOf(policy) });

/** Reads what a CallerView says of a caller beside who it is. @throws ResourceProblem where it is not as it has to be. */
export function decodeCallerAccess(json: string, path: string): CallerAccess {
  const access = parseJson(json, path);
  callerAccessShape(access, path);
  return access as CallerAccess;
}
