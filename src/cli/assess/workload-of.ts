/** Letters of the suffixes that Kubernetes makes. Source: k8s.io/apimachinery/pkg/util/rand. */
const SAFE = "[bcdfghjklmnpqrstvwxz2456789]";
const OF_DEPLOYMENT = new RegExp(`^(.+?)-${SAFE}{6,10}-${SAFE}{5}$`);
const OF_OTHERS = new RegExp(`^(.+)-(?:${SAFE}{5}|\\d{1,5})$`);

/** @returns what made a Pod, read from its name: of a Deployment, a DaemonSet or a StatefulSet; else the name itself. */
export function workloadOf(pod: string): string {
  return OF_DEPLOYMENT.exec(pod)?.[1] ?? OF_OTHERS.exec(pod)?.[1] ?? pod;
}
