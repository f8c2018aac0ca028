/** A Pod of ours. */
export interface IsobarPod {
  readonly namespace: string;
  readonly name: string;
  readonly container: "proxy" | "control-plane";
  /** Where it runs; "" before it does. */
  readonly node: string;
  /** Its `status.phase`, and whether its containers are ready. */
  readonly phase: string;
  readonly isReady: boolean;
  /** Where a control plane writes its audit, within the container; "" for nowhere. */
  readonly auditDir: string;
}
