import type { Context } from "./context.ts";
import { startPinned } from "./pinned-process.ts";
import { places } from "./places.ts";
import type { RunningProxy } from "./proxy-kinds.ts";
import { waitForPort } from "./wait-for-port.ts";
import type { ConfigExtras } from "./write-isobar-config.ts";
import { writeIsobarConfig } from "./write-isobar-config.ts";

/** One more Isobar beside the one all rows use, with another configuration. */
export async function startIsobar(
  context: Context,
  name: string,
  port: number,
  backends: readonly number[],
  extras: ConfigExtras,
): Promise<RunningProxy> {
  const config = writeIsobarConfig(name, port, backends, extras);
  const args = [places.launcher, "proxy", "--config", config];
  const proxy = startPinned(context.options.proxyCore, process.execPath, args);
  try {
    await waitForPort(proxy, port);
  } catch (error) {
    await proxy[Symbol.asyncDispose]();
    throw error;
  }
  proxy.child.stdout?.resume();
  return { name, port, process: proxy, version: "" };
}
