import { createHash } from "node:crypto";

/** @returns what a policy's file is known by: a hash of its content, 16 hexadecimal digits. */
export function policyVersion(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}
