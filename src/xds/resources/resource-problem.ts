import { WireError } from "./wire-reader.ts";

/** Why a resource is refused: which field, what was found in it, what was wanted. Told to the control plane with the NACK. */
export class ResourceProblem extends Error {
  override readonly name = "ResourceProblem";

  /**
   * @param field path within the resource, in proto3's names, such as `endpoints[2].lb_endpoints[0].endpoint.address`.
   * @param found as it is to be shown.
   * @param wanted what would be right.
   */
  constructor(field: string, found: string, wanted: string) {
    super(`${field}: found ${found}, wanted ${wanted}`);
  }
}

/** A resource as it was understood, or why it is refused. */
export type Decoded<T> =
  | { readonly value: T; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: string };

/** Runs a decoder over what a peer sent. Never throws. @param kind the resource's kind, for the message. */
export function decodeGuarded<T>(kind: string, decode: () => T): Decoded<T> {
  try {
    return { value: decode() };
  } catch (error) {
    if (error instanceof ResourceProblem) return { problem: `${kind}: ${error.message}` };
    // The protobuf library throws plain errors; whatever it is, it is about octets a peer sent.
    const reason = error instanceof WireError || error instanceof Error ? error.message : String(error);
    return {
      problem: `${kind}: found octets that are no such message (${reason.slice(0, 200)}), wanted one`,
    };
  }
}
