import type { ClassQueue } from "../../base/class-queue.ts";
import type { TieredPicker } from "../../lb/tiered-picker.ts";
import type { CompiledRoute } from "../../route/compiled-route.ts";
import type { RequestNames } from "../authorities/request-names.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import type { RequestHash } from "../request-hash.ts";
import type { AttemptPolicy } from "../retry/attempt-policy.ts";
import type { RequestMirrors } from "./request-mirrors.ts";
import type { RouteUpdate } from "./route-update.ts";

/** Endpoints that a request is restricted to, and where requests wait for just these. */
export interface EndpointSet {
  readonly tiered: TieredPicker;
  readonly queue: ClassQueue;
  /** @returns whether an endpoint is among them, given its index in the cluster's snapshot. */
  accepts(index: number): boolean;
}

/** What routes look at in a request of HTTP/1.1. */
export interface PlainRequest {
  /** Host, as sent. */
  readonly authority: string;
  /** Path and query. */
  readonly target: string;
  /** Names (in lower case) and values by turns. */
  readonly fields: readonly string[];
}

/** The route of one request of HTTP/1.1, and where that leads. */
export interface RouteChoice {
  readonly route: CompiledRoute;
  /** Its slot, or NO_ROUTE for a cluster that is not known (any more). */
  readonly clusterSlot: number;
  /** Undefined: any endpoint of the cluster. */
  readonly endpoints: EndpointSet | undefined;
  /** As {@link RequestRoutes.refused}. */
  readonly refused: boolean;
}

/**
 * What routes make of requests, as the data path asks. There is one from the first configuration with routes on; until then no
 * request costs more than a look whether there is. `slot` is a client's stream throughout.
 */
export interface RequestRoutes {
  /** After {@link decide}: no endpoint has the labels that the request's route asks for, and none other will do. */
  readonly refused: boolean;
  /** After {@link changeRequest}: by how much it has changed `outLiteralOctets` and `listOctets` of the decoder. */
  readonly changedLiteralOctets: number;
  readonly changedListOctets: number;
  readonly mirrors: RequestMirrors;

  /**
   * Finds the route of a request that was just decoded, and notes it: whatever becomes of the routes, the request keeps it.
   *
   * @param octets length of its field block, at `engine.scratch`.
   * @param ownCluster the cluster its connection is for, or NO_ROUTE; undefined where its authority decides.
   * @param source the caller's address.
   * @param choice what {@link choose} found for it, where it came as HTTP/1.1: that stands.
   * @returns the cluster's slot, or NO_ROUTE.
   */
  decide(
    slot: number,
    request: RequestNames,
    octets: number,
    ownCluster: number | undefined,
    source: string,
    choice?: RouteChoice,
  ): number;

  /**
   * Finds the route of a request of HTTP/1.1; uses `engine.scratch`.
   *
   * @param ownCluster the cluster that its connection or its Host is for, or NO_ROUTE.
   * @returns undefined when no route is for it.
   */
  choose(request: PlainRequest, ownCluster: number, source: string): RouteChoice | undefined;

  /** @returns whether some route may be for requests to the cluster, or, where that is NO_ROUTE, to the authority. */
  speaksOf(clusterSlot: number, authority: string): boolean;

  /** Changes the request's headers as its route says, at `engine.scratch`: names read by the decoder are gone then. @returns the block's length. */
  changeRequest(slot: number, octets: number): number;

  /** Changes the headers of its answer. @param offset of the block; default: `engine.scratch`. @returns the block's length. */
  changeResponse(slot: number, octets: number, offset?: number): number;

  /** @returns octets that {@link changeResponse} may add to the section's size. */
  responseGrowth(slot: number): number;

  /** @returns what the request is restricted to; undefined: any endpoint of its cluster. */
  endpointsOf(slot: number): EndpointSet | undefined;

  /** @returns what is done about the request's attempts: the cluster's policy, or what its route makes of it. */
  attemptPolicyOf(slot: number, cluster: ClusterRuntime): AttemptPolicy | undefined;

  /** @returns what makes the request's hash: by what its route says, or its cluster; undefined: nothing does. */
  hashOf(slot: number, cluster: ClusterRuntime): RequestHash | undefined;

  /** @returns the name of its route, "" for none. */
  nameOf(slot: number): string;

  /** Takes other routes: requests under way keep theirs. */
  update(update: RouteUpdate): void;

  /** Looks after copies that take too long; to be called a few times a second. */
  sweep(nowMs: number): void;

  /** The stream is gone. */
  closed(slot: number): void;
}
