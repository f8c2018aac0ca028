/** Kinds of objects whose versions are recorded as people write them, so that they can be written again. */
export type WrittenKind = "TrafficPolicy" | "GRPCRoute" | "Service" | "Namespace";

/**
 * @param object `namespace/name`; of a Namespace its name.
 * @returns what records call it by: TrafficPolicies were there before the others, and have no kind.
 */
export function writtenName(kind: WrittenKind, object: string): string {
  return kind === "TrafficPolicy" ? object : `${kind} ${object}`;
}

/** @returns what people call what a record calls so. */
export function shownName(recorded: string): string {
  return recorded.includes(" ") ? recorded : `TrafficPolicy ${recorded}`;
}
