import type { experimental } from "@grpc/grpc-js";
import { connectivityState } from "@grpc/grpc-js";
import type { ListedEndpoint } from "./listed-endpoint.ts";

type Subchannel = experimental.SubchannelInterface;

/** What an {@link EndpointConnection} works with. */
export interface EndpointConnectionOptions {
  /** undefined: the node's proxy. */
  readonly endpoint: ListedEndpoint | undefined;
  readonly subchannel: Subchannel;
  /** How long a connection may take before the endpoint counts as out of reach; it is tried on all the same. */
  readonly connectTimeoutMs: number;
  /** Told of every change. */
  readonly onChange: (connection: EndpointConnection) => void;
}

/** A channel's connection to one endpoint: a subchannel of grpc-js, and what is known of it. */
export class EndpointConnection {
  readonly endpoint: ListedEndpoint | undefined;
  readonly subchannel: Subchannel;
  /** Why it failed last. */
  problem = "";
  isReady = false;
  /** It has failed, or takes too long, and has not stood since. */
  isOutOfReach = false;
  readonly #options: EndpointConnectionOptions;
  readonly #listener: experimental.ConnectivityStateListener;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #lossCounts = false;

  constructor(options: EndpointConnectionOptions) {
    this.#options = options;
    this.endpoint = options.endpoint;
    this.subchannel = options.subchannel;
    this.#listener = (_, __, state, ___, problem) => this.#changed(state, problem);
    this.subchannel.ref();
    this.subchannel.addConnectivityStateListener(this.#listener);
    // Another channel for the same target may have brought it up.
    this.isReady = this.subchannel.getConnectivityState() === connectivityState.READY;
  }

  /** Whether it may soon stand: it is being made for the first time, or for the first time since it was lost. */
  get isHopeful(): boolean {
    return !this.isReady && !this.isOutOfReach;
  }

  /** Makes it, if it does not stand and is not being made. */
  connect(): void {
    if (this.isReady || this.#closed) return;
    this.subchannel.startConnecting();
    if (this.isOutOfReach || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#fail(`no connection within ${this.#options.connectTimeoutMs} ms`);
    }, this.#options.connectTimeoutMs).unref();
  }

  /** @returns true once for each time that it was lost: however many calls it had, they are one failure. */
  takeLoss(): boolean {
    const counts = this.#lossCounts;
    this.#lossCounts = false;
    return counts;
  }

  resetBackoff(): void {
    this.subchannel.getRealSubchannel().resetBackoff();
  }

  /** Calls that are under way end as they would. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.isReady = false;
    clearTimeout(this.#timer);
    this.subchannel.removeConnectivityStateListener(this.#listener);
    this.subchannel.unref();
  }

  #changed(state: connectivityState, problem: string | undefined): void {
    if (state === connectivityState.CONNECTING) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (state === connectivityState.TRANSIENT_FAILURE) {
      this.isReady = false;
      this.#fail(problem ?? "it could not be connected to");
      // Goes on after its back-off: an endpoint that is out of reach is not picked, so nothing else would.
      this.subchannel.startConnecting();
      return;
    }
    this.isReady = state === connectivityState.READY;
    if (this.isReady) {
      this.isOutOfReach = false;
      this.#lossCounts = true;
      this.problem = "";
    }
    this.#options.onChange(this);
  }

  #fail(problem: string): void {
    this.isOutOfReach = true;
    this.problem = problem;
    this.#options.onChange(this);
  }
}
