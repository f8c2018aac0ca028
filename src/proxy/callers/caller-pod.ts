import type { Caller, CallerMode } from "../../resource/caller.ts";

/**
 * A pod of this node as one that calls. Connections are bound to it when they are accepted: it stands for one UID for ever, so that a later
 * owner of the address is another one.
 */
export class CallerPod {
  readonly uid: string;
  readonly namespace: string;
  readonly pod: string;
  readonly serviceAccount: string;
  readonly workload: string;
  mode: CallerMode;
  /** Whether the kernel sends its connections here, as far as was said. */
  captured = false;

  constructor(caller: Caller) {
    this.uid = caller.uid;
    this.namespace = caller.namespace;
    this.pod = caller.pod;
    this.serviceAccount = caller.serviceAccount;
    this.workload = caller.workload;
    this.mode = caller.mode;
  }
}
