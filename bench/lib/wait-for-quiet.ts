import { setTimeout as sleep } from "node:timers/promises";
import type { Options } from "./options.ts";
import { coreBusySeconds } from "./process-usage.ts";

const sampleMilliseconds = 150;
const quietShare = 0.15;

/** Waits until nobody else uses the two cores much, at most as long as the options allow. */
export async function waitForQuiet(options: Options): Promise<void> {
  const cores = [options.proxyCore, options.loaderCore];
  const deadline = Date.now() + options.patience * 1000;
  while (Date.now() < deadline) {
    const before = cores.map(coreBusySeconds);
    await sleep(sampleMilliseconds);
    const shares = cores.map(
      (core, at) => ((coreBusySeconds(core) - before[at]!) * 1000) / sampleMilliseconds,
    );
    if (shares.every((share) => share < quietShare)) {
      return;
    }
  }
}
