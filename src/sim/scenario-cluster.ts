import { CLUSTER_DEFAULTS } from "../resource/cluster.ts";
import type { ClusterSettings } from "../resource/cluster-settings.ts";
import { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../resource/encode-cluster-snapshot.ts";
import type { Endpoint } from "../resource/endpoint.ts";
import { ENDPOINT_DEFAULTS, endpointKey } from "../resource/endpoint.ts";
import type { EndpointGroup, Listing, Scenario, ScenarioEvent } from "./scenario.ts";

/** An endpoint of a scenario. Its slot is its place in the list. */
export interface ScenarioEndpoint {
  readonly group: EndpointGroup;
  readonly zone: number;
  readonly node: string;
}

/**
 * The endpoints of a scenario and what discovery says of them, as the snapshots the product's own code reads. Slots are given
 * once and never again: an endpoint that is replaced is another group's.
 */
export class ScenarioCluster {
  readonly endpoints: readonly ScenarioEndpoint[];
  /** Names by number, of endpoints and callers. */
  readonly zones: readonly string[];
  snapshot: ClusterSnapshot;
  readonly #settings: ClusterSettings;
  readonly #listings: Listing[];

  constructor(scenario: Scenario, settings: ClusterSettings) {
    const zones = [...new Set([...scenario.endpoints, ...scenario.callers].map(({ zone }) => zone))];
    this.zones = zones;
    this.endpoints = scenario.endpoints.flatMap((group) =>
      Array.from({ length: group.count }, (_, i) => ({
        group,
        zone: zones.indexOf(group.zone),
        node: nodeName(group.zone, i),
      })),
    );
    this.#settings = settings;
    this.#listings = this.endpoints.map(({ group }) => group.listing);
    this.snapshot = this.#encode();
  }

  /** @returns the slots an event is about. */
  slotsOf(event: ScenarioEvent): number[] {
    if (event.listing === null && Object.keys(event.state).length === 0) return [];
    const slots = this.endpoints.flatMap(({ group }, slot) =>
      (event.group === "" || group.name === event.group) && (event.zone === "" || group.zone === event.zone)
        ? [slot]
        : [],
    );
    return slots.slice(0, Math.ceil(slots.length * event.share));
  }

  /** Lets discovery say something else of these endpoints; {@link snapshot} is another one then. */
  list(slots: readonly number[], listing: Listing): void {
    for (const slot of slots) this.#listings[slot] = listing;
    this.snapshot = this.#encode();
  }

  isHealthy(slot: number): boolean {
    return this.#listings[slot] === "healthy";
  }

  isListed(slot: number): boolean {
    return this.#listings[slot] !== "absent";
  }

  #encode(): ClusterSnapshot {
    const listed = this.endpoints.flatMap((_, slot) => (this.isListed(slot) ? [slot] : []));
    const cluster = {
      ...CLUSTER_DEFAULTS,
      name: "simulated",
      settings: this.#settings,
      endpoints: listed.map((slot) => this.#endpoint(slot)),
    };
    return new ClusterSnapshot(
      encodeClusterSnapshot(cluster, {
        clusterSlot: 0,
        endpointSlots: Int32Array.from(listed),
        endpointGenerations: new Int32Array(listed.length).fill(1),
      }),
    );
  }

  #endpoint(slot: number): Endpoint {
    const { group, node } = this.endpoints[slot]!;
    const listing = this.#listings[slot]!;
    return {
      ...ENDPOINT_DEFAULTS,
      key: endpointKey("simulated", `10.${slot >> 16}.${(slot >> 8) & 255}.${slot & 255}`, 80),
      address: `10.${slot >> 16}.${(slot >> 8) & 255}.${slot & 255}`,
      port: 80,
      zone: group.zone,
      region: group.region,
      node,
      priority: group.priority,
      weight: group.weight,
      health: listing === "absent" ? "unhealthy" : listing,
    };
  }
}

/** The node of the i-th caller or endpoint of a zone. */
export function nodeName(zone: string, i: number): string {
  return `${zone}/${i}`;
}
