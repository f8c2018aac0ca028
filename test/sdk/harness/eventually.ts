import { setTimeout as sleep } from "node:timers/promises";

/** Waits until a condition holds. @throws Error that says what was seen last. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  seen: () => unknown = () => "",
): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (await check()) return;
    await sleep(20);
  }
  throw new Error(`did not come about: ${JSON.stringify(await seen())}`);
}
