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
 * A container that runs first and ends as soon as the node captures the Pod's connections, and after five seconds in any case. It asks for next to nothing, since what
 * a Pod asks for is the most of any one such container and of all others together, and it fits the `restricted` Pod Security Standard.
 *
 * @param failClosed the Pod does not start before it is captured.
 */
export function waitContainer({ image, door }: WaitOptions, failClosed: boolean): object {
  return {
    name: WAIT_CONTAINER,
    image,
    args: ["wait", "--address", door, ...(failClosed ? ["--required"] : [])],
    resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { cpu: "1", memory: "128Mi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
      runAsGroup: USER,
      runAsNonRoot: true,
      runAsUser: USER,
      seccompProfile: { type: "RuntimeDefault" },
    },
  };
}
