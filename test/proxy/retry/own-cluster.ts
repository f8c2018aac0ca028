import type { ClusterSettings } from "../../../src/resource/cluster-settings.ts";
import type { LocalProxy } from "../fixture/local-proxy.ts";
import type { Script } from "../fixture/raw-backend.ts";
import { RawBackend } from "../fixture/raw-backend.ts";

let cases = 0;

/** Plays one case in a cluster of its own, whose endpoints are these; round robin gives the first one the first request. */
export async function playInOwnCluster(
  proxy: LocalProxy,
  settings: ClusterSettings,
  scripts: readonly Script[],
  act: (name: string) => Promise<void>,
): Promise<void> {
  const name = `case-${++cases}.test:1`;
  const backends = await Promise.all(scripts.map((script) => RawBackend.start(script)));
  proxy.apply(
    backends.map(({ port }) => port),
    { name, settings },
  );
  await act(name);
  await proxy.settled();
  for (const backend of backends) backend.stop();
  proxy.remove(name);
}
