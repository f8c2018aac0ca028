import { contendersOf } from "./contenders.ts";
import type { Options } from "./options.ts";
import { startPinned } from "./pinned-process.ts";
import type { ProxyKind, RunningProxy } from "./proxy-kinds.ts";
import { proxyKinds } from "./proxy-kinds.ts";
import { isListening, waitForPort } from "./wait-for-port.ts";

/** The proxies asked for: those that run, and why the others do not. */
export interface StartedProxies extends AsyncDisposable {
  proxies: RunningProxy[];
  skipped: Map<string, string>;
}

/** Starts every proxy asked for on the proxy's core. One that cannot start is skipped with its reason. */
export async function startProxies(options: Options): Promise<StartedProxies> {
  const proxies: RunningProxy[] = [];
  const skipped = new Map<string, string>();
  const names = [...contendersOf(options), ...options.peers];
  const asked = proxyKinds.filter((kind) => names.includes(kind.name));
  for (const kind of asked) {
    try {
      proxies.push(await start(kind, options.proxyCore));
    } catch (error) {
      skipped.set(kind.name, error instanceof Error ? error.message : String(error));
    }
  }
  return {
    proxies,
    skipped,
    async [Symbol.asyncDispose]() {
      await Promise.all(proxies.map((proxy) => proxy.process[Symbol.asyncDispose]()));
    },
  };
}

async function start(kind: ProxyKind, core: number): Promise<RunningProxy> {
  const command = kind.command();
  if ("missing" in command) {
    throw new Error(command.missing);
  }
  if (await isListening(kind.port)) {
    throw new Error(`port ${kind.port} is taken: is another benchmark running?`);
  }
  const started = startPinned(core, command.program, command.args);
  try {
    await waitForPort(started, kind.port);
  } catch (error) {
    await started[Symbol.asyncDispose]();
    throw error;
  }
  started.child.stdout?.resume();
  return { name: kind.name, port: kind.port, process: started, version: kind.version() };
}
