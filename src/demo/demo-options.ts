import type { Writable } from "node:stream";

/** What can be chosen when the demo starts. */
export interface DemoOptions {
  /** End by itself after this time, start and end included; without it, Ctrl-C ends the demo. */
  readonly durationMs: number | undefined;
  /** Decides which backend each connection is pinned to, and when each call is made. */
  readonly seed: number;
  /** The port wanted for Isobar's listener. */
  readonly port: number;
  /** Ends the demo early, with its summary. */
  readonly interrupt: AbortSignal;
  /** Where the view goes. */
  readonly output: Writable;
  /** Redraw in place instead of writing lines one after the other. */
  readonly live: boolean;
  readonly color: boolean;
  /** Terminal rows, asked before each redraw. */
  readonly rows: () => number;
  /** The file that starts the `isobar` command. */
  readonly program: string;
}

/** The zones, with two backends each. */
export const ZONES = ["a", "b", "c"] as const;

/** Backends in each zone. */
export const BACKENDS_PER_ZONE = 2;

/** Long-lived client connections of each way. */
export const CHANNELS = 20;

/** Calls per second of each way: half of what six backends can serve, and comfortable for two small cores. */
export const CALLS_PER_SECOND = 400;

/** Calls that a backend serves at the same time; more have to wait. */
export const WORKERS = 4;

/** Mean time a worker needs for a call. */
export const SERVICE_MS = 30;

/** How much slower the slow backend gets. */
export const SLOW_FACTOR = 10;

/** How long a client waits for an answer. */
export const DEADLINE_MS = 1000;

/** The shortest time in which all parts can be shown. */
export const SHORTEST_MS = 8000;
