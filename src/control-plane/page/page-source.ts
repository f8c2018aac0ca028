import type { ResourceCache } from "../../xds/cache/resource-cache.ts";
import type { AdsServer } from "../../xds/server/ads-server.ts";
import type { FleetLoads } from "../fleet-loads.ts";

/** What the page is made of. */
export interface PageSource {
  readonly cache: ResourceCache;
  readonly loads: FleetLoads;
  readonly server: AdsServer;
  /** Folder of the audit; undefined: there is none. */
  readonly auditFolder: string | undefined;
  /** @returns why the control plane is not ready; undefined when it is. */
  readonly notReadyReason: () => string | undefined;
  /** On the clock of load reports. */
  readonly nowMs: () => number;
}
