// A data-plane thread as it ships, with one thing more: it tells what each update of a cluster costs it, in processor time of the thread and by the
// clock. Started by huge-service.ts in the place of daemon/worker.ts.
import type { MessagePort } from "node:worker_threads";
import { BroadcastChannel, parentPort } from "node:worker_threads";

/** What an update cost the thread, in ms. */
export interface MeasuredUpdate {
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** What huge-service.ts asks for, and what it is told. */
export type MeasuredMessage =
  | { readonly kind: "read" }
  | {
      readonly kind: "readings";
      readonly updates: readonly MeasuredUpdate[];
      /** The longest turns of the loop since the last readings, by the clock, in ms: where what an update leaves to do later is done. */
      readonly turnsMs: readonly number[];
    };

/** Shorter ones are not told; and no more than so many. */
const LEAST_TURN_MS = 0.05;
const MOST_TURNS = 100_000;

/** The channel of {@link MeasuredMessage}. */
export const MEASURED_CHANNEL = "isobar-bench-measured-worker";

if (parentPort !== null) {
  const port: MessagePort = parentPort;
  let updates: MeasuredUpdate[] = [];
  let turnsMs: number[] = [];
  const later = setImmediate;
  const timed = (call: (...given: unknown[]) => void, ...given: unknown[]): NodeJS.Immediate =>
    later(() => {
      const began = performance.now();
      call(...given);
      const tookMs = performance.now() - began;
      if (tookMs >= LEAST_TURN_MS && turnsMs.length < MOST_TURNS) turnsMs.push(tookMs);
    });
  globalThis.setImmediate = timed as typeof setImmediate;
  const channel = new BroadcastChannel(MEASURED_CHANNEL);
  channel.onmessage = (event: unknown) => {
    const { data } = event as { readonly data: MeasuredMessage };
    if (data.kind !== "read") return;
    channel.postMessage({ kind: "readings", updates, turnsMs } satisfies MeasuredMessage);
    updates = [];
    turnsMs = [];
  };
  channel.unref();
  const on = port.on.bind(port) as (event: string, listener: (value: unknown) => void) => MessagePort;
  const measured = (event: string, listener: (value: unknown) => void): MessagePort =>
    on(event, (value) => {
      if (event !== "message" || (value as { kind?: string }).kind !== "cluster") return listener(value);
      const cpu = threadCpuMs();
      const wall = performance.now();
      listener(value);
      const wallMs = performance.now() - wall;
      updates.push({ cpuMs: threadCpuMs() - cpu, wallMs });
    });
  port.on = measured as typeof port.on;
  await import("../../src/daemon/worker.ts");
}

/** The kernel counts a thread's time up to the moment only when it leaves its processor: so it sleeps for an instant. */
function threadCpuMs(): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.02);
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
