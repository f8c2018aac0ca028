import type { XdsClientCounts, XdsState, XdsType } from "../telemetry/xds-client-metrics.ts";
import { XDS_TYPES } from "../telemetry/xds-client-metrics.ts";
import type { XdsClient } from "../xds/client/xds-client.ts";
import { TYPE_URL } from "../xds/resources/type-url.ts";
import type { FleetLink } from "./fleet-link.ts";

const TYPES: Readonly<Record<string, XdsType>> = {
  [TYPE_URL.listener]: "listener",
  [TYPE_URL.routeConfiguration]: "route",
  [TYPE_URL.cluster]: "cluster",
  [TYPE_URL.loadAssignment]: "endpoint",
};

/** Counts what happens between a proxy and its control planes. */
export class ControlPlaneCounts {
  disconnects = 0;
  heldBackUpdates = 0;
  strangers = 0;
  readonly saves = { success: 0, failure: 0 };
  readonly #acked = zeros();
  readonly #nacked = zeros();

  answered(typeUrl: string, refused: boolean): void {
    const type = TYPES[typeUrl];
    if (type !== undefined) (refused ? this.#nacked : this.#acked)[type]++;
  }

  /** @returns everything as it is now. */
  read(client: XdsClient, fleet: Pick<FleetLink, "isReporting" | "place">): XdsClientCounts {
    const resources = Object.fromEntries(
      XDS_TYPES.map((type) => [type, { asked: 0, present: 0, absent: 0, refused: 0 }]),
    ) as Record<XdsType, Record<XdsState, number>>;
    let unconfirmed = 0;
    for (const { typeUrl, state, problem, fromDisk } of client.resources()) {
      resources[TYPES[typeUrl]!][problem === "" ? state : "refused"]++;
      if (fromDisk) unconfirmed++;
    }
    let heldBack = 0;
    for (const [, held] of client.heldBack()) heldBack += held;
    const { disconnects, heldBackUpdates, strangers, saves } = this;
    return {
      isConnected: client.isConnected,
      disconnects,
      acked: this.#acked,
      nacked: this.#nacked,
      resources,
      unconfirmed,
      heldBack,
      heldBackUpdates,
      strangers,
      reportsLoad: fleet.isReporting,
      fleetProxies: fleet.place?.count ?? 0,
      saves,
    };
  }
}

function zeros(): Record<XdsType, number> {
  return { listener: 0, route: 0, cluster: 0, endpoint: 0 };
}
