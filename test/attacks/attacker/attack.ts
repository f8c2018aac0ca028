import type { AttackConnection } from "./attack-connection.ts";

/** Told to send about `count` frames now. Called every few milliseconds while the connection stands. */
export type Tick = (count: number) => void;

/** One way to attack, as the attacker's process plays it: raw octets, at a stated rate. */
export interface Attack {
  /** Frames per second over all connections; 0: what a connection sends at its start is all. */
  readonly framesPerSecond: number;
  /** Connections kept open at a time; one that was closed on us is replaced. */
  readonly connections: number;
  /** Connections opened per second at most, the first ones and those after them. Default 200. */
  readonly connectsPerSecond?: number;
  /** Whether each connection comes from an address of its own. Default false: all from one. */
  readonly manyCallers?: boolean;
  /** Whether what the proxy says is read. Default true; where it is not, its goodbye is not seen either. */
  readonly reads?: boolean;
  /** Called when a connection stands: says its first words, @returns what it goes on with, if anything. */
  readonly play: (connection: AttackConnection) => Tick | undefined;
}

/** What an attack did, since its start. */
export interface AttackReport {
  /** Frames handed to sockets; a connection counts as one. */
  readonly frames: number;
  readonly octets: number;
  /** Streams opened. */
  readonly streams: number;
  readonly connects: number;
  /** Connections that could not be made. */
  readonly refused: number;
  /** Connections that stand now. */
  readonly open: number;
  /** How the proxy ended connections: the last GOAWAY's code, `end` or `reset` without one. */
  readonly closes: Readonly<Record<string, number>>;
  /** Of the connections that the proxy ended: most frames any had sent, longest time any lived. */
  readonly mostFrames: number;
  readonly longestMs: number;
  /** RST_STREAM frames received, by code. */
  readonly resets: Readonly<Record<string, number>>;
  /** Header sections received: answers and trailers. */
  readonly answers: number;
  /** DATA octets received. */
  readonly received: number;
  readonly seconds: number;
  /** What the attacker used of its core, 0 to 1. */
  readonly cpuShare: number;
}

/** What the parent tells the attacker's process. */
export type AttackOrder =
  | {
      readonly kind: "start";
      readonly attack: string;
      readonly port: number;
      readonly source: string;
      /** Where it connects to. */
      readonly host: string;
      /** What a connection sends at most before it waits to be closed; absent: no end. */
      readonly framesPerConnection?: number;
    }
  | { readonly kind: "report" }
  | { readonly kind: "stop" };
