/** What a peer may do too much of; each kind has a budget of its own in a {@link FloodBudget}. */
export const FloodKind = {
  /** RST_STREAM for streams it has opened (CVE-2023-44487, "rapid reset"). */
  reset: 0,
  /** Faults that we answer with RST_STREAM, streams above the announced limit included (CVE-2025-8671, "made you reset"). */
  provokedReset: 1,
  /** PING (CVE-2019-9512). */
  ping: 2,
  /** SETTINGS, by its entries (CVE-2019-9515). */
  settings: 3,
  /** What has no effect: DATA without content, PRIORITY, unknown types, frames on streams that are over (CVE-2019-9518). */
  emptyFrame: 4,
  /** Header sections in more pieces, or more octets, than there is a need for (CVE-2024-27316, VU#421644). */
  continuation: 5,
  /** WINDOW_UPDATE that answers no DATA of ours. */
  windowUpdate: 6,
} as const;
export type FloodKind = (typeof FloodKind)[keyof typeof FloodKind];

/** Told instead of a {@link FloodKind} where there was no flood. */
export const NO_FLOOD = -1;
