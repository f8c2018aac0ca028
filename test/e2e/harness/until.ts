import { setTimeout as sleep } from "node:timers/promises";

const LIMIT_MS = 60_000;
const LOOK_MS = 50;

/**
 * Waits for what must come true.
 *
 * @param found what there is instead, for the message.
 * @returns how long it took, in milliseconds.
 */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  found: () => unknown = () => "",
  limitMs: number = LIMIT_MS,
): Promise<number> {
  const startMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startMs > limitMs)
      throw new Error(`not within ${limitMs} ms: ${what}; found ${JSON.stringify(await found())}`);
    await sleep(LOOK_MS);
  }
  return performance.now() - startMs;
}
