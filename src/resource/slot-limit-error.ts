/** Counts that explain a refusal. */
export interface SlotUsage {
  /** Slots there are. */
  readonly capacity: number;
  /** Slots that can be handed out now. */
  readonly left: number;
  /** Slots released, but not yet acknowledged by every worker. */
  readonly releasedCount: number;
}

/** An update asked for more slots than are left; it was refused whole and the former version stays in force. */
export class SlotLimitError extends Error {
  override readonly name = "SlotLimitError";

  constructor(clusterName: string, kind: "cluster" | "endpoint", wanted: number, usage: SlotUsage) {
    const waiting =
      usage.releasedCount > 0
        ? `; ${usage.releasedCount} more become free once streams on removed ${kind}s have ended`
        : "";
    super(
      `cluster ${clusterName}: needs ${wanted} more ${kind} slot${wanted === 1 ? "" : "s"}, ` +
        `${usage.left} of ${usage.capacity} left${waiting}; the former version stays in force`,
    );
  }
}
