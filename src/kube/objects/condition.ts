/** What is said about an object in its status. Source: Kubernetes API, meta/v1 Condition. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  /** RFC 3339. */
  readonly lastTransitionTime?: string;
}

/** A condition as it is decided: when it changed is seen when it is written. */
export type NewCondition = Omit<Condition, "lastTransitionTime">;
