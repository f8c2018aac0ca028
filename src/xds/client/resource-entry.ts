import type { TypeUrl } from "../resources/type-url.ts";

/**
 * What is known of one resource that is subscribed to.
 *
 * - `asked`: nothing yet.
 * - `present`: {@link ResourceEntry.value} is the last good version, also when a later one was refused.
 * - `absent`: the control plane says it does not exist, or has not said anything for so long that it counts as such.
 */
export interface ResourceEntry<T = unknown> {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  readonly state: "asked" | "present" | "absent";
  readonly value: T | undefined;
  /** Of the value; "" where there is none. */
  readonly version: string;
  /** The value as it came, where it is to be kept on disk; a copy for each who asks. */
  readonly octets: Uint8Array | undefined;
  /** Why the newest version was refused; "" when it was not. */
  readonly problem: string;
  /** It is meant to be as empty as it is. */
  readonly deliberate: boolean;
  /** Read from disk, and no control plane has said since that it is still so. */
  readonly fromDisk: boolean;
}
