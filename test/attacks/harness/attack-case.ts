import type { AttackName } from "../attacker/attacks.ts";
import type { BehaviourName } from "../backend/behaviours.ts";

/** What an attack may cost and must lead to, exactly: no limit here depends on how busy the machine is. */
export interface Gates {
  /**
   * Proxy CPU per frame of the attack, in microseconds: three times what was measured. What connections cost by
   * themselves is allowed for besides.
   */
  readonly cpuMicrosPerFrame?: number;
  /** Share of the proxy's core, for attacks that hardly send anything. */
  readonly cpuShare?: number;
  /** Octets of the slab above those in use without the attack, at most. */
  readonly slabOctets: number;
  /** Growth of resident memory over the first measurement without an attack. */
  readonly rssOctets: number;
  /** Streams that reach the endpoint, at most, as a share of those the attacker opened. */
  readonly upstreamShare?: number;
  /**
   * How the proxy ends the attacker's connections, at least one of them: HTTP/2 error codes, `end` for a connection closed
   * and `reset` without one. Left out: it must close none. After ENHANCE_YOUR_CALM the caller's further connections may be
   * refused.
   */
  readonly closes?: readonly string[];
  /** How the proxy may end connections, but need not. */
  readonly mayClose?: readonly string[];
  /**
   * Frames that suffice to have a connection closed: the attacker sends no more on one and waits, so that this does not
   * depend on how many are on their way when the GOAWAY comes.
   */
  readonly mostFrames?: number;
  /** The kind that `isobar_flood_closed_total` counts. */
  readonly flood?: string;
}

/** An attack of the suite. */
export interface AttackCase {
  readonly attack: AttackName;
  /** The endpoint that attacks, where it is not the client. */
  readonly hostile?: BehaviourName;
  /** Time before the window, for attacks that take some to unfold. Default 100 ms. */
  readonly rampMs?: number;
  /** Whether the innocent's p99 is judged; variants of an attack have exact gates only. Default true. */
  readonly timed?: boolean;
  readonly gates: Gates;
}
