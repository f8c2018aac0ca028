import type { ChannelOptions, experimental } from "@grpc/grpc-js";
import { connectivityState } from "@grpc/grpc-js";
import type { Random } from "../base/random.ts";
import type { PickRecorder } from "../lb/record/pick-recorder.ts";
import type { AuthorityView } from "./authority-view.ts";
import type { ClusterBalance } from "./cluster-balance.ts";
import type { PickedCallOptions } from "./picked-call.ts";
import { ServiceConnections } from "./service-connections.ts";
import { ServicePicker } from "./service-picker.ts";

/** The name it is registered by. */
export const POLICY_NAME = "isobar";

/** The channel option by which the resolver hands over what a load balancer works with; never part of a subchannel's options. */
export const SERVICE_OPTION = "grpc.internal.isobar_service";

const NODE_CONNECT_TIMEOUT_MS = 5_000;

/** What the resolver hands over. */
export interface BalancedService extends PickedCallOptions {
  readonly view: AuthorityView;
  readonly clusters: ReadonlyMap<string, ClusterBalance>;
  /** `host:port` of the node's proxy; "" for none. */
  readonly nodeAddress: string;
  readonly random: Random;
  readonly recorder: PickRecorder;
}

/** The load balancing policy of a channel: keeps its connections as the service's view changes, and picks. */
export class IsobarLoadBalancer implements experimental.LoadBalancer {
  readonly #helper: experimental.ChannelControlHelper;
  #service: BalancedService | undefined;
  #connections: ServiceConnections | undefined;
  #picker: ServicePicker | undefined;

  constructor(helper: experimental.ChannelControlHelper) {
    this.#helper = helper;
  }

  /** @see LoadBalancer.updateAddressList */
  updateAddressList(
    _endpoints: unknown,
    _config: experimental.TypedLoadBalancingConfig,
    options: ChannelOptions,
  ): boolean {
    const service = options[SERVICE_OPTION] as BalancedService;
    if (this.#service === undefined) this.#start(service, options);
    else this.#follow();
    return true;
  }

  /** Called with every call of the channel: connections are made as the view and the picks ask for them, and there is no idle state to leave. */
  exitIdle(): void {}

  resetBackoff(): void {
    this.#connections?.resetBackoff();
  }

  destroy(): void {
    this.#connections?.close();
    this.#service = undefined;
    this.#connections = undefined;
  }

  getTypeName(): string {
    return POLICY_NAME;
  }

  #start(service: BalancedService, channelOptions: ChannelOptions): void {
    const { table, nodeAddress } = service;
    const connections = new ServiceConnections({
      table,
      helper: this.#helper,
      channelOptions,
      nodeAddress,
      nodeConnectTimeoutMs: NODE_CONNECT_TIMEOUT_MS,
      onChange: () => this.#publish(),
    });
    this.#service = service;
    this.#connections = connections;
    this.#picker = new ServicePicker({ ...service, connections });
    this.#follow();
  }

  /** Takes the view as it is. */
  #follow(): void {
    if (this.#service === undefined) return;
    const { view, clusters, random } = this.#service;
    const connections = this.#connections!;
    const used = new Set<ClusterBalance>();
    for (const name of view.clusterNames) {
      const cluster = clusters.get(name);
      if (cluster !== undefined) used.add(cluster);
    }
    const needsNode = view.state === "node" || view.state === "asking";
    connections.retire(used, needsNode);
    for (const cluster of used) connections.warm(cluster, random.nextFloat());
    if (view.state === "node") connections.node()?.connect();
    this.#publish();
  }

  /** Tells the channel how things are; calls in line are picked for anew. */
  #publish(): void {
    if (this.#service === undefined) return;
    const { isAnyReady, isAnyHopeful, problem } = this.#connections!;
    const state = isAnyReady
      ? connectivityState.READY
      : isAnyHopeful
        ? connectivityState.CONNECTING
        : connectivityState.TRANSIENT_FAILURE;
    this.#helper.updateState(state, this.#picker!, problem === "" ? null : problem);
  }
}
