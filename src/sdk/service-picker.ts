import type { experimental } from "@grpc/grpc-js";
import { Metadata } from "@grpc/grpc-js";
import type { Random } from "../base/random.ts";
import { GrpcStatus } from "../grpc/status.ts";
import type { PickRequest } from "../lb/picker.ts";
import { PickCause } from "../lb/record/pick-layout.ts";
import type { PickRecorder } from "../lb/record/pick-recorder.ts";
import type { TieredPicker } from "../lb/tiered-picker.ts";
import type { ClusterBalance } from "./cluster-balance.ts";
import type { EndpointConnection } from "./endpoint-connection.ts";
import type { PickedCallOptions } from "./picked-call.ts";
import { PickedCall } from "./picked-call.ts";
import type { RoutedCall } from "./routed-call.ts";
import type { ServiceConnections } from "./service-connections.ts";

type PickResult = experimental.PickResult;

/** PickResultType of grpc-js. */
const QUEUE: experimental.PickResultType = 1;
const TRANSIENT_FAILURE: experimental.PickResultType = 2;
const DROP: experimental.PickResultType = 3;

/** Endpoints that are drawn for one call before any that is connected will do. */
const MAX_PICKS = 4;
/** Slots of former attempts, and those drawn for this one. */
const MAX_TRIED = 8 + MAX_PICKS;
/** How much longer than a connection may take a call counts as waiting for it. */
const WAIT_SLACK_MS = 1_000;

const QUEUED: PickResult = {
  pickResultType: QUEUE,
  subchannel: null,
  status: null,
  onCallStarted: null,
  onCallEnded: null,
};

/** What a {@link ServicePicker} works with. */
export interface ServicePickerOptions extends PickedCallOptions {
  readonly connections: ServiceConnections;
  readonly random: Random;
  /** Records a sample of the picks. */
  readonly recorder: PickRecorder;
}

/**
 * Picks for the calls of one channel, among the connections it has. It always says how things are now, so that one serves for the
 * channel's whole life.
 *
 * The endpoint that a cluster's picker draws gets the call if it is connected to. If nothing is, the call waits for just that endpoint, so
 * that the first calls spread like all others; if others are, more are drawn, and those that are not connected begin to be.
 */
export class ServicePicker implements experimental.Picker {
  readonly #options: ServicePickerOptions;
  readonly #request: PickRequest = { sequence: 0, hash: 0, triedCount: 0, tried: new Int32Array(MAX_TRIED) };

  constructor(options: ServicePickerOptions) {
    this.#options = options;
  }

  pick({ extraPickInfo }: experimental.PickArgs): PickResult {
    const call = extraPickInfo as unknown as RoutedCall;
    const { destination } = call;
    if (destination.kind === "cluster") {
      const { cluster, tiered } = destination;
      if (cluster.isRemoved) return failed(GrpcStatus.unavailable, `cluster ${cluster.name} is gone`);
      return this.#pickEndpoint(call, cluster, tiered ?? cluster.tiered);
    }
    if (destination.kind === "node") return this.#pickNode();
    const { code, reason } = destination;
    return code === GrpcStatus.unavailable ? failed(code, reason) : dropped(code, reason);
  }

  #pickNode(): PickResult {
    const node = this.#options.connections.node();
    // It is still being asked where the service is.
    if (node === undefined) return QUEUED;
    if (node.isReady) return { ...QUEUED, pickResultType: 0, subchannel: node.subchannel };
    node.connect();
    if (node.isHopeful) return QUEUED;
    return failed(
      GrpcStatus.unavailable,
      `the node's proxy at ${node.subchannel.getAddress()}: ${node.problem}`,
    );
  }

  #pickEndpoint(call: RoutedCall, cluster: ClusterBalance, tiered: TieredPicker): PickResult {
    const { clock, table, connections } = this.#options;
    const nowMs = clock.nowMs();
    const { wait } = call;
    if (wait !== undefined) {
      const { connection } = wait;
      call.wait = undefined;
      table.letGo(wait);
      if (table.at(wait.slot) === connection.endpoint) {
        if (connection.isReady) return this.#complete(call, cluster, connection, nowMs);
        if (connection.isHopeful && nowMs < wait.untilMs) return this.#await(call, connection, wait.untilMs);
      }
    }
    if (cluster.isFull(nowMs))
      return dropped(
        GrpcStatus.resourceExhausted,
        `cluster ${cluster.name} has ${cluster.snapshot.settings.circuit.maxRequests} calls under way`,
      );
    const trial = this.#takeTrial(call, cluster);
    if (trial !== undefined) return this.#complete(call, cluster, trial, nowMs);

    const request = this.#request;
    call.describe(request);
    let first: EndpointConnection | undefined;
    for (let picks = 0; picks < MAX_PICKS; picks++) {
      const slot = this.#draw(call, cluster, tiered, nowMs, picks);
      if (slot < 0) break;
      const connection = connections.of(cluster, slot);
      if (connection?.isReady === true && cluster.hasRoom(slot))
        return this.#complete(call, cluster, connection, nowMs);
      connection?.connect();
      if (connection?.isHopeful === true) {
        // What hashes belongs there, and nowhere else.
        if (request.hash !== 0 || !connections.isAnyReady)
          return this.#await(call, connection, this.#waitEndMs(cluster, nowMs));
        first ??= connection;
      }
      request.tried[request.triedCount++] = slot;
      if (picks + 1 >= tiered.candidateCount) break;
    }
    const ready = this.#anyReady(cluster, tiered);
    if (ready !== undefined) return this.#complete(call, cluster, ready, nowMs);
    if (first !== undefined) return this.#await(call, first, this.#waitEndMs(cluster, nowMs));
    return this.#nobody(cluster, tiered);
  }

  /** Why there is nobody to send a call to. */
  #nobody(cluster: ClusterBalance, tiered: TieredPicker): PickResult {
    const { connections } = this.#options;
    if (tiered.candidateCount === 0)
      return failed(GrpcStatus.unavailable, `cluster ${cluster.name} has no endpoint that may be used`);
    const isFull = tiered.tierSet.tiers.some(({ slots }) =>
      slots.some((slot) => connections.known(slot)?.isReady === true),
    );
    if (isFull) {
      const { maxRequestsPerEndpoint } = cluster.snapshot.settings.circuit;
      return dropped(
        GrpcStatus.resourceExhausted,
        `every endpoint of cluster ${cluster.name} has ${maxRequestsPerEndpoint} calls under way`,
      );
    }
    return failed(
      GrpcStatus.unavailable,
      `no endpoint of cluster ${cluster.name} can be connected to, such as ${connections.problem}`,
    );
  }

  #draw(
    call: RoutedCall,
    cluster: ClusterBalance,
    tiered: TieredPicker,
    nowMs: number,
    picks: number,
  ): number {
    const { recorder, random } = this.#options;
    const request = this.#request;
    if (recorder.sample === 0 || !recorder.isDue())
      return cluster.pick(request, cluster.loads, random, nowMs, tiered);
    const cause = picks > 0 ? PickCause.full : call.isAgain ? PickCause.again : PickCause.first;
    return recorder.record(cluster, request, cluster.loads, random, nowMs, cause, tiered);
  }

  /** @returns an ejected endpoint that this call is to show to be well again, or not. */
  #takeTrial(call: RoutedCall, cluster: ClusterBalance): EndpointConnection | undefined {
    const { trials } = cluster.watch;
    if (trials.size === 0 || call.isAgain) return undefined;
    for (const slot of trials) {
      const connection = this.#options.connections.of(cluster, slot);
      if (connection?.isReady === true) {
        if (cluster.watch.takeTrial(slot)) return connection;
      } else connection?.connect();
    }
    return undefined;
  }

  /** @returns a connected candidate, of those with most room. */
  #anyReady(cluster: ClusterBalance, { tierSet }: TieredPicker): EndpointConnection | undefined {
    const { connections } = this.#options;
    let best: EndpointConnection | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const { slots } of tierSet.tiers) {
      for (const slot of slots) {
        const streams = cluster.loads.own(slot);
        if (streams >= least || !cluster.hasRoom(slot)) continue;
        const connection = connections.known(slot);
        if (connection?.isReady !== true) continue;
        best = connection;
        least = streams;
      }
      if (best !== undefined) return best;
    }
    return undefined;
  }

  #complete(
    call: RoutedCall,
    cluster: ClusterBalance,
    connection: EndpointConnection,
    nowMs: number,
  ): PickResult {
    return new PickedCall(this.#options, call, cluster, connection, nowMs);
  }

  #waitEndMs(cluster: ClusterBalance, nowMs: number): number {
    return nowMs + cluster.snapshot.connectTimeoutMs + WAIT_SLACK_MS;
  }

  /** The call waits for the connection, and counts as the endpoint's meanwhile. */
  #await(call: RoutedCall, connection: EndpointConnection, untilMs: number): PickResult {
    call.wait = { connection, slot: connection.endpoint!.slot, untilMs, isHeld: true };
    this.#options.table.hold(call.wait);
    return QUEUED;
  }
}

/** The call fails, unless it waits for ready or is retried. */
function failed(code: number, details: string): PickResult {
  return { ...QUEUED, pickResultType: TRANSIENT_FAILURE, status: statusOf(code, details) };
}

/** The call fails, whatever it says. */
function dropped(code: number, details: string): PickResult {
  return { ...QUEUED, pickResultType: DROP, status: statusOf(code, details) };
}

function statusOf(code: number, details: string) {
  return {
    code,
    details: details.startsWith("isobar") ? details : `isobar: ${details}`,
    metadata: new Metadata(),
  };
}
