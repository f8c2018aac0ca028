import type { PickRequest } from "../../lb/picker.ts";
import type { TieredPicker } from "../../lb/tiered-picker.ts";
import { RetryReason } from "../../telemetry/retry-reason.ts";
import type { Subchannel } from "../../upstream/subchannel.ts";
import type { CallerPod } from "../callers/caller-pod.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import { MAX_MOVES } from "../exchange-table.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { EndpointSet } from "../routes/request-routes.ts";
import { EndpointLease } from "./endpoint-lease.ts";

/**
 * Picks endpoints for what is not an HTTP/2 stream: a spliced connection, or a request of HTTP/1.1. The cluster's own
 * picker decides, over the same loads: a lease counts as in flight until it is released.
 */
export class ConnectionPicker {
  readonly #context: ProxyContext;
  readonly #request: PickRequest = {
    sequence: 0,
    hash: 0,
    triedCount: 0,
    tried: new Int32Array(MAX_MOVES + 1),
  };

  constructor(context: ProxyContext) {
    this.#context = context;
  }

  /**
   * @param tried endpoint slots to avoid, as {@link EndpointLease.slot} told them; the newest 4 count.
   * @param endpoints what a route restricts the request to; default: all of the cluster's.
   * @param pod who calls, where that is known.
   * @returns the endpoint to dial, or undefined when the cluster is not there any more, or has no endpoint that may be connected to, by this caller above all.
   */
  pick(
    clusterSlot: number,
    tried: readonly number[] = [],
    endpoints?: EndpointSet | undefined,
    pod?: CallerPod | undefined,
  ): EndpointLease | undefined {
    const cluster = this.#context.clusters[clusterSlot];
    if (cluster === undefined || cluster.removed) return undefined;
    if (cluster.snapshot.maxConnectionsPerEndpoint === 0) return undefined;
    const allowed = this.#context.access?.find(cluster, pod, endpoints);
    if (allowed !== undefined && allowed.refusal !== "") return undefined;
    const subchannel = this.#pick(cluster, tried, (allowed ?? endpoints)?.tiered);
    return subchannel === undefined ? undefined : new EndpointLease(this.#context, cluster, subchannel);
  }

  /**
   * Takes leave to try another endpoint, from the cluster's budget for moves.
   *
   * @param moves how many there were for this connection or request before.
   */
  mayMove(clusterSlot: number, moves: number): boolean {
    const cluster = this.#context.clusters[clusterSlot];
    if (cluster === undefined || moves >= MAX_MOVES) return false;
    return cluster.takeMove(RetryReason.connectFailure, this.#context.time.nowMs);
  }

  #pick(
    cluster: ClusterRuntime,
    tried: readonly number[],
    tiered: TieredPicker | undefined,
  ): Subchannel | undefined {
    const request = this.#request;
    const first = Math.max(0, tried.length - request.tried.length);
    request.triedCount = tried.length - first;
    for (let i = first; i < tried.length; i++) request.tried[i - first] = tried[i]!;
    const { random, time, reach, explain } = this.#context;
    const slot = explain.isOn
      ? explain.pickForConnection(cluster, request, cluster.loads, random, time.nowMs, tiered)
      : cluster.pick(request, cluster.loads, random, time.nowMs, tiered);
    return slot < 0 ? undefined : reach(cluster, slot);
  }
}
