import type { CallerAccess } from "../../resource/access/access-policy.ts";
import type { CallerMode } from "../../resource/caller.ts";
import type { NumberedCaller } from "./numbered-caller.ts";
import type { PodToken } from "./pod-token.ts";

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
  /** IP literals, as policies of the network see it. */
  addresses: readonly string[];
  /** What these policies say of it; undefined: nothing. */
  access: CallerAccess | undefined;
  /** Whether the kernel sends its connections here, as far as was said. */
  captured = false;

  /** What says to endpoints who it is, by cluster slot; empty where that is not wanted. */
  readonly tokens: (PodToken | undefined)[] = [];
  /** Class of its namespace. */
  readonly callerClass: number;
  /** Number that its namespace's requests are counted by. */
  readonly source: number;

  constructor(caller: NumberedCaller) {
    this.uid = caller.uid;
    this.callerClass = caller.callerClass;
    this.source = caller.source;
    this.namespace = caller.namespace;
    this.pod = caller.pod;
    this.serviceAccount = caller.serviceAccount;
    this.workload = caller.workload;
    this.mode = caller.mode;
    this.addresses = caller.addresses;
    this.access = caller.access;
  }

  /** Whether no policy selects it as one that calls. */
  get isUnrestricted(): boolean {
    return this.access === undefined || this.access.egress.length === 0;
  }
}
