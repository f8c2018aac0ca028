import { textTable } from "../cluster/text-table.ts";
import type { NodeObservation, ObservedService } from "./observe-node.ts";
import { FINE_SKEW } from "./pods-saved.ts";

/** What `isobar assess --observe` prints. */
export function observeText({ services, notes }: NodeObservation): string {
  const left = notes.length === 0 ? "" : `\nleft out: ${notes.join(", ")}\n`;
  if (services.length === 0)
    return `no connection to a Service is open here; look in the node's network namespace, and with --kubeconfig where kube-proxy does not translate\n${left}`;
  const head = [
    "SERVICE",
    "CHANNELS",
    "CLIENTS",
    "PER CLIENT",
    "MOST",
    "ENDPOINTS",
    "MAX/MEAN",
    "CV",
    "BEST MODE",
  ];
  const rows = services.map((each) => [
    each.service,
    `${each.channels}`,
    `${each.clients}`,
    (each.channels / each.clients).toFixed(1),
    `${each.mostPerClient}`,
    each.endpoints === null ? `${each.used} of ?` : `${each.used} of ${each.endpoints}`,
    each.maxOverMean.toFixed(2),
    each.variation.toFixed(2),
    modeText(each),
  ]);
  return `open connections of this node's clients, now\n\n${textTable([head, ...rows], [1, 2, 3, 4, 5, 6, 7])}${left}`;
}

function modeText({ maxOverMean, endpoints, bestMode }: ObservedService): string {
  return maxOverMean < FINE_SKEW && endpoints !== null ? "(even as it is)" : bestMode;
}
