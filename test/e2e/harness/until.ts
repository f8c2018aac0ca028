import { setTimeout as sleep } from "node:timers/promises";

const LIMIT_MS = 60_000;
const LOOK_MS = 50;

/** Waits for what must come true. @param found what there is instead, for the message. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  found: () => unknown = () => "",
): Promise<void> {
  const endMs = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > endMs)
      throw new Error(`not within ${LIMIT_MS} ms: ${what}; found ${JSON.stringify(found())}`);
    await sleep(LOOK_MS);
  }
}
