// A control plane as a process of its own, told over IPC what it serves: started by the commands beside it.
import { ResourceCache } from "../../src/xds/cache/resource-cache.ts";
import { AdsServer } from "../../src/xds/server/ads-server.ts";
import type { ServedService } from "./served-services.ts";
import { serviceModel } from "./served-services.ts";

const cache = new ResourceCache();
const ignore = (): void => {};
const server = new AdsServer({
  source: cache,
  events: { pushed: ignore, answered: ignore, unknownType: ignore },
  onFault: (peer, error) => console.error(peer, error),
  coalesceMs: 0,
});

process.on("message", (services: readonly ServedService[]) => {
  for (const service of services) cache.upsert(serviceModel(service));
  cache.synced();
  process.send!("served");
});
process.on("disconnect", () => process.exit());
process.send!({ port: await server.listen("127.0.0.1:0") });
