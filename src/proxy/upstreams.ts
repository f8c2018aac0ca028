import { isDeepStrictEqual } from "node:util";
import type { ConnectionSink } from "../h2/connection-sink.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { SetAside } from "../resource/set-aside.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import { DisconnectReason } from "../telemetry/disconnect-reason.ts";
import { GuardCell } from "../telemetry/guard-cell.ts";
import { WorkerColumn } from "../telemetry/worker-counters.ts";
import type { ConnectFailure } from "../upstream/connect-failure.ts";
import type { SubchannelOptions, SubchannelOwner } from "../upstream/subchannel.ts";
import { Subchannel } from "../upstream/subchannel.ts";
import type { UpstreamChannel } from "../upstream/upstream-channel.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { ERROR_OF_FAILURE, noteConnectFailure } from "./note-connect-failure.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { ResponseSink } from "./response-sink.ts";

/** The subchannels of a worker: made and retired with the snapshots, and told here what becomes of them. */
export class Upstreams implements SubchannelOwner {
  readonly #context: ProxyContext;
  readonly #dispatcher: Dispatcher;
  readonly #zone: string;
  readonly #onReleased: (slot: number) => void;

  /** By endpoint slot: the number of the update that named it last. */
  readonly #wantedIn: number[] = [];
  #epoch = 0;

  constructor(
    context: ProxyContext,
    dispatcher: Dispatcher,
    zone: string,
    onReleased: (slot: number) => void,
  ) {
    this.#context = context;
    this.#dispatcher = dispatcher;
    this.#zone = zone;
    this.#onReleased = onReleased;
  }

  /** Makes the subchannels a snapshot needs and retires those it no longer names; survivors keep everything. */
  apply(snapshot: ClusterSnapshot, former: ClusterSnapshot | undefined): void {
    const { subchannels, exchanges, time, random } = this.#context;
    const epoch = ++this.#epoch;
    const shared = this.#sharedOptions(snapshot);
    // Survivors of an update of endpoints alone have what they need: of 10,000 nothing is read but the slot and the zone.
    const isSame =
      former !== undefined &&
      former.tlsIdentity === snapshot.tlsIdentity &&
      snapshot.tlsIdentity === 0 &&
      isDeepStrictEqual(shared, this.#sharedOptions(former));
    for (let i = 0; i < snapshot.count; i++) {
      const slot = snapshot.slotAt(i);
      this.#wantedIn[slot] = epoch;
      const present = subchannels[slot];
      const zone = snapshot.zoneAt(i);
      if (present !== undefined && !present.retired) {
        if (isSame && present.options.zone === zone) continue;
        // A slot is one endpoint's: its place stays as it was.
        present.options = { ...present.options, ...shared, zone, sameZone: this.#isOwn(zone) };
        continue;
      }
      const options: SubchannelOptions = {
        ...shared,
        slot,
        address: snapshot.addressAt(i),
        port: snapshot.portAt(i),
        zone,
        sameZone: this.#isOwn(zone),
      };
      subchannels[slot] = new Subchannel(
        this.#context,
        exchanges.links,
        this,
        options,
        () => time.nowMs,
        () => random.nextFloat(),
      );
    }
    for (let i = 0; former !== undefined && i < former.count; i++) {
      const slot = former.slotAt(i);
      if (this.#wantedIn[slot] !== epoch) subchannels[slot]?.retire();
    }
  }

  /** What all endpoints of a cluster have in common. */
  #sharedOptions(
    snapshot: ClusterSnapshot,
  ): Omit<SubchannelOptions, "slot" | "address" | "port" | "zone" | "sameZone"> {
    return {
      clusterSlot: snapshot.clusterSlot,
      connectTimeoutMs: snapshot.connectTimeoutMs,
      tls: this.#context.tlsClients.get(snapshot.tlsIdentity),
      maxConnections: snapshot.maxConnectionsPerEndpoint,
      maxRequestsPerConnection: snapshot.settings.circuit.maxRequestsPerConnection,
      keepalive: {
        timeMs: snapshot.keepaliveTimeMs,
        timeoutMs: snapshot.keepaliveTimeoutMs,
        minPingMs: this.#context.minPingMs,
      },
    };
  }

  #isOwn(zone: string): boolean {
    return this.#zone !== "" && zone === this.#zone;
  }

  /** Retires every subchannel of a cluster that is no longer configured. */
  remove(snapshot: ClusterSnapshot): void {
    for (let i = 0; i < snapshot.count; i++) this.#context.subchannels[snapshot.slotAt(i)]?.retire();
  }

  sinkFor(subchannel: Subchannel, channel: UpstreamChannel): ConnectionSink {
    return new ResponseSink(this.#context, this.#dispatcher, subchannel, channel);
  }

  waiterReady(slot: number, subchannel: Subchannel, channel: UpstreamChannel): void {
    this.#dispatcher.waiterReady(slot, subchannel, channel);
  }

  waiterFailed(slot: number, failure: ConnectFailure): void {
    this.#dispatcher.waiterFailed(slot, ERROR_OF_FAILURE[failure]);
  }

  waiterLeft(slot: number): void {
    this.#dispatcher.waiterLeft(slot);
  }

  asideChanged(subchannel: Subchannel, aside: boolean): void {
    const { endpoints, endpointRow } = this.#context;
    endpoints.markAside(endpointRow, subchannel.options.slot, SetAside.connect, aside);
    const cluster = this.#clusterOf(subchannel);
    if (cluster === undefined) return;
    cluster.rebuild();
    this.#dispatcher.wake(cluster);
  }

  capacityBack(subchannel: Subchannel): void {
    const cluster = this.#clusterOf(subchannel);
    if (cluster !== undefined) this.#dispatcher.wake(cluster);
  }

  connected(subchannel: Subchannel): void {
    const cluster = this.#clusterOf(subchannel);
    if (cluster !== undefined) cluster.row[ClusterColumn.upstreamConnections]!++;
  }

  disconnected(subchannel: Subchannel, channel: UpstreamChannel, error: Error | undefined): void {
    const { endpoints, endpointRow } = this.#context;
    endpoints.markAside(endpointRow, subchannel.options.slot, SetAside.connect, subchannel.aside);
    const cluster = this.#clusterOf(subchannel);
    if (cluster === undefined) return;
    cluster.row[ClusterColumn.upstreamConnections]!--;
    cluster.row[ClusterColumn.upstreamDisconnects + reasonOf(channel, error)]!++;
    this.#dispatcher.wake(cluster);
  }

  keepalive(_subchannel: Subchannel, step: "ping" | "lost"): void {
    const cell = step === "ping" ? GuardCell.upstreamPings : GuardCell.upstreamTimeouts;
    this.#context.workerRow[WorkerColumn.guard + cell]!++;
  }

  connectFailed(subchannel: Subchannel, error: Error | undefined): void {
    const cluster = this.#clusterOf(subchannel);
    if (cluster === undefined) return;
    noteConnectFailure(this.#context, cluster, subchannel.options, error);
  }

  released(subchannel: Subchannel): void {
    const { slot, clusterSlot } = subchannel.options;
    if (this.#context.subchannels[slot] === subchannel) this.#context.subchannels[slot] = undefined;
    this.#onReleased(slot);
    this.#context.releaseCluster(clusterSlot);
  }

  #clusterOf(subchannel: Subchannel): ClusterRuntime | undefined {
    return this.#context.clusters[subchannel.options.clusterSlot];
  }
}

function reasonOf(channel: UpstreamChannel, error: Error | undefined): DisconnectReason {
  if (channel.timedOut) return DisconnectReason.connectionTimedOut;
  if (channel.goawayCode === 0) return DisconnectReason.goawayNoError;
  if (channel.goawayCode > 0) return DisconnectReason.goawayError;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ECONNRESET" || code === "EPIPE") return DisconnectReason.connectionReset;
  if (code === "ETIMEDOUT") return DisconnectReason.connectionTimedOut;
  if (code === "ECONNABORTED") return DisconnectReason.connectionAborted;
  if (code !== undefined) return DisconnectReason.socketError;
  return channel.connection.state.goawaySent || !channel.ready
    ? DisconnectReason.subchannelShutdown
    : DisconnectReason.unknown;
}
