import type { ChannelOptions, experimental } from "@grpc/grpc-js";
import { SetAside } from "../resource/set-aside.ts";
import type { ClusterBalance } from "./cluster-balance.ts";
import { EndpointConnection } from "./endpoint-connection.ts";
import type { EndpointTable } from "./endpoint-table.ts";

/** Connections that are made before anybody is picked for them; further ones are made for calls. */
const EAGER_CONNECTIONS = 16;
/** What the resolver hands to the load balancer is no setting of connections. */
const INTERNAL_PREFIX = "grpc.internal.";
/** An endpoint is another one than its predecessor at the same address: grpc-js shares subchannels of equal options only. */
const IDENTITY_OPTION = "isobar.endpoint";

/** What {@link ServiceConnections} work with. */
export interface ServiceConnectionsOptions {
  readonly table: EndpointTable;
  readonly helper: experimental.ChannelControlHelper;
  readonly channelOptions: ChannelOptions;
  /** How long a connection to the node's proxy may take. */
  readonly nodeConnectTimeoutMs: number;
  /** `host:port` of the node's proxy; "" for none. */
  readonly nodeAddress: string;
  /** Told when a connection stands, is lost, or cannot be made. */
  readonly onChange: () => void;
}

/** A channel's connections to the endpoints of its service's clusters, and to the proxy of the node. */
export class ServiceConnections {
  readonly #options: ServiceConnectionsOptions;
  readonly #channelOptions: ChannelOptions;
  /** By endpoint slot. */
  readonly #connections = new Map<number, EndpointConnection>();
  /** The clusters that endpoints are of, by slot. */
  readonly #clusters = new Map<number, ClusterBalance>();
  #node: EndpointConnection | undefined;

  constructor(options: ServiceConnectionsOptions) {
    this.#options = options;
    const entries = Object.entries(options.channelOptions);
    this.#channelOptions = Object.fromEntries(entries.filter(([key]) => !key.startsWith(INTERNAL_PREFIX)));
  }

  /** Whether any connection stands. */
  get isAnyReady(): boolean {
    if (this.#node?.isReady === true) return true;
    for (const { isReady } of this.#connections.values()) if (isReady) return true;
    return false;
  }

  /** Whether any may soon stand. */
  get isAnyHopeful(): boolean {
    if (this.#node?.isHopeful === true) return true;
    for (const { isHopeful } of this.#connections.values()) if (isHopeful) return true;
    return false;
  }

  /** Why one of those that failed did; "" where none has. */
  get problem(): string {
    for (const { problem, endpoint } of this.#connections.values())
      if (problem !== "") return `${endpoint!.address}:${endpoint!.port}: ${problem}`;
    return "";
  }

  /** @returns the connection to who has that slot now, made if there is none; undefined when nobody has it. */
  of(cluster: ClusterBalance, slot: number): EndpointConnection | undefined {
    const { table, helper } = this.#options;
    const endpoint = table.at(slot);
    const known = this.#connections.get(slot);
    if (known?.endpoint === endpoint) return known;
    if (known !== undefined) this.#drop(slot, known);
    if (endpoint === undefined) return undefined;
    const { address: host, port, key } = endpoint;
    const subchannel = helper.createSubchannel(
      { host, port },
      { ...this.#channelOptions, [IDENTITY_OPTION]: key },
    );
    const connection = new EndpointConnection({
      endpoint,
      subchannel,
      connectTimeoutMs: cluster.snapshot.connectTimeoutMs,
      onChange: (changed) => this.#changed(slot, changed),
    });
    this.#connections.set(slot, connection);
    this.#clusters.set(slot, cluster);
    return connection;
  }

  /** @returns the connection to who has that slot, if there is one. */
  known(slot: number): EndpointConnection | undefined {
    const connection = this.#connections.get(slot);
    return connection?.endpoint === this.#options.table.at(slot) ? connection : undefined;
  }

  /** @returns the connection to the node's proxy; undefined where there is none. */
  node(): EndpointConnection | undefined {
    const { nodeAddress, helper, onChange, nodeConnectTimeoutMs } = this.#options;
    if (nodeAddress === "") return undefined;
    if (this.#node === undefined) {
      const colon = nodeAddress.lastIndexOf(":");
      const host = nodeAddress.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
      const port = Number(nodeAddress.slice(colon + 1));
      this.#node = new EndpointConnection({
        endpoint: undefined,
        subchannel: helper.createSubchannel({ host, port }, this.#channelOptions),
        connectTimeoutMs: nodeConnectTimeoutMs,
        onChange,
      });
    }
    return this.#node;
  }

  /** Lets go of endpoints that are listed no more, of clusters that are not used any more, and of the node's proxy where it is not needed. */
  retire(clusters: ReadonlySet<ClusterBalance>, needsNode: boolean): void {
    for (const [slot, connection] of this.#connections) {
      const isUsed = clusters.has(this.#clusters.get(slot)!);
      if (!isUsed || this.#options.table.at(slot) !== connection.endpoint) this.#drop(slot, connection);
    }
    if (needsNode) return;
    this.#node?.close();
    this.#node = undefined;
  }

  /** Begins to connect to some endpoints before calls come: to those of the nearest tiers, beginning anywhere. */
  warm(cluster: ClusterBalance, draw: number): void {
    const { tiers, shares } = cluster.built;
    for (const [i, { slots }] of tiers.entries()) {
      if (shares[i] === 0) continue;
      for (let n = 0; n < slots.length; n++) {
        if (this.#connections.size >= EAGER_CONNECTIONS) return;
        this.of(cluster, slots[(n + Math.floor(draw * slots.length)) % slots.length]!)?.connect();
      }
    }
  }

  resetBackoff(): void {
    this.#node?.resetBackoff();
    for (const connection of this.#connections.values()) connection.resetBackoff();
  }

  close(): void {
    this.#node?.close();
    this.#node = undefined;
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
    this.#clusters.clear();
  }

  #drop(slot: number, connection: EndpointConnection): void {
    connection.close();
    this.#connections.delete(slot);
    this.#clusters.delete(slot);
  }

  /** What cannot be connected to is set aside for all channels, until it can. */
  #changed(slot: number, connection: EndpointConnection): void {
    const { table, onChange } = this.#options;
    if (table.at(slot) === connection.endpoint) {
      const { isOutOfReach } = connection;
      if (table.markAside(slot, SetAside.connect, isOutOfReach)) this.#clusters.get(slot)!.rebuild();
      // One that was lost is needed again; one that is leaving ends its connections on purpose.
      if (!connection.isReady && !isOutOfReach && this.#isCandidate(slot)) connection.connect();
    }
    onChange();
  }

  #isCandidate(slot: number): boolean {
    return this.#clusters.get(slot)!.built.tiers.some(({ slots }) => slots.includes(slot));
  }
}
