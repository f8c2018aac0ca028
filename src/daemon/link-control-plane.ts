import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import { CODE_CLASS_NAMES } from "../telemetry/code-class.ts";
import { REQUEST_CELLS } from "../telemetry/request-cell.ts";
import type { ClusterPublisher } from "./cluster-publisher.ts";
import type { ControlPlaneConfig, ControlPlaneLinkOptions } from "./control-plane-link.ts";
import { ControlPlaneLink } from "./control-plane-link.ts";
import type { FleetLinkOptions } from "./fleet-link.ts";
import { FleetLink } from "./fleet-link.ts";

/** What of the daemon a control plane is linked with. */
export interface LinkSurroundings
  extends Pick<ControlPlaneLinkOptions, "clusters" | "others" | "onRoutes" | "authorities" | "tls" | "log">,
    Pick<FleetLinkOptions, "place" | "onCallers" | "onCapture"> {
  readonly publisher: ClusterPublisher;
}

/** Begins to ask a control plane for what requests want. */
export async function linkControlPlane(
  config: ControlPlaneConfig,
  around: LinkSurroundings,
): Promise<ControlPlaneLink> {
  const { publisher, place, log, onCallers, onCapture } = around;
  const link = new ControlPlaneLink({
    ...around,
    config,
    fleet: new FleetLink({ place, publisher, log, onCallers, onCapture }),
    slotOf: (cluster) => publisher.find(cluster)?.snapshot.clusterSlot ?? -1,
    useOf: (cluster) => {
      const counters = publisher.find(cluster)?.counters;
      if (counters === undefined) return 0;
      if (counters.sum(ClusterColumn.streamsActive) + counters.sum(ClusterColumn.splicedConnections) > 0) {
        return Number.NaN;
      }
      let requests = 0;
      for (let cell = 0; cell < REQUEST_CELLS; cell++)
        requests += counters.sum(ClusterColumn.requests + cell);
      for (let cell = 0; cell < CODE_CLASS_NAMES.length; cell++)
        requests += counters.sum(ClusterColumn.http1Responses + cell);
      return requests + counters.sum(ClusterColumn.splicedConnectionsTotal);
    },
  });
  await link.start();
  return link;
}
