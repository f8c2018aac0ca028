import type { RawObject } from "../raw-object.ts";
import { shareLabels } from "../share-text.ts";

/** How our annotations begin. */
export const ANNOTATION_PREFIX = "isobar.dev/";

/** @returns the annotations that are meant for us, without their prefix; all others are dropped. */
export function ownAnnotations({ metadata = {} }: RawObject): Readonly<Record<string, string>> {
  let own: Record<string, string> | undefined;
  for (const [name, value] of Object.entries(metadata.annotations ?? {})) {
    if (!name.startsWith(ANNOTATION_PREFIX)) continue;
    own ??= {};
    own[name.slice(ANNOTATION_PREFIX.length)] = value;
  }
  return shareLabels(own);
}
