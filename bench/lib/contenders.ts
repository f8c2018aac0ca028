import type { Options } from "./options.ts";

/** Isobar with everything of the right pick on, beside the plain one. */
export const RIGHT_PICK = "isobar-right-pick";

/** @returns names of the proxies that limits are judged for: Isobar with a plain configuration, and with all of the right pick. */
export function contendersOf({ isobar, rightPick }: Options): string[] {
  if (!isobar) return [];
  return rightPick ? ["isobar", RIGHT_PICK] : ["isobar"];
}
