import type { IncomingPod } from "./admission-review.ts";
import { waitResources } from "./wait-resources.ts";

/** What the waiting container is made of. */
export interface WaitOptions {
  /** The image of `isobar`, as the node has it already for its proxy. */
  readonly image: string;
  /** The node's address for callers, `ip:port`. */
  readonly door: string;
}

/** How the container is called by which a Pod waits. */
export const WAIT_CONTAINER = "isobar-wait";
/** The image's user. */
const USER = 65_532;

/**
 * A container that runs first and ends as soon as the node captures the Pod's connections, and after five seconds in any case. Nothing about it may keep a Pod from being accepted or from
 * starting: it fits the `restricted` Pod Security Standard, asks for no more than the Pod's own containers, says its user only where the Pod's would be root (others may have to be from a range,
 * as on OpenShift), and takes the image that the node has.
 *
 * @param failClosed the Pod does not start before it is captured.
 */
export function waitContainer(
  { spec }: IncomingPod,
  { image, door }: WaitOptions,
  failClosed: boolean,
): object {
  const resources = waitResources(spec.containers);
  return {
    name: WAIT_CONTAINER,
    image,
    imagePullPolicy: "IfNotPresent",
    args: ["wait", "--address", door, ...(failClosed ? ["--required"] : [])],
    ...(resources === undefined ? {} : { resources }),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
      ...(spec.securityContext?.runAsUser === 0 ? { runAsUser: USER, runAsGroup: USER } : {}),
    },
  };
}
