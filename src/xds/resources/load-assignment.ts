import type { EndpointHealth } from "../../resource/endpoint.ts";

/** An endpoint as a ClusterLoadAssignment lists it. */
export interface AssignedEndpoint {
  /** IPv4 or IPv6 literal. */
  readonly address: string;
  readonly port: number;
  /** 1 and up, as the control plane gives it; 0 where it says nothing. */
  readonly weight: number;
  readonly health: EndpointHealth;
  /** The pod's UID, or "" where the control plane is not one of ours. */
  readonly uid: string;
  /** Name of the node it runs on, "" where it is not told. */
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The endpoints of one place and priority. */
export interface AssignedLocality {
  readonly region: string;
  readonly zone: string;
  /** 0 is preferred. */
  readonly priority: number;
  /** Its share relative to the other localities of the priority; 0 where nothing is said. */
  readonly weight: number;
  readonly endpoints: readonly AssignedEndpoint[];
}

/** A ClusterLoadAssignment as it was understood. Addresses with port are unique within it. */
export interface LoadAssignment {
  readonly name: string;
  readonly localities: readonly AssignedLocality[];
  /** Endpoints in all localities. */
  readonly count: number;
}
