import type { experimental } from "@grpc/grpc-js";
import type { AuthorityView } from "./authority-view.ts";
import type { BalancedService } from "./isobar-load-balancer.ts";
import { POLICY_NAME, SERVICE_OPTION } from "./isobar-load-balancer.ts";
import { RoutedCall } from "./routed-call.ts";

/** The scheme of targets: `isobar:///service.namespace:port`. */
export const SCHEME = "isobar";

const CONFIG_SELECTOR_OPTION = "grpc.internal.config_selector";
const PORT = /:[0-9]+$/;

type ConfigSelector = experimental.ConfigSelector;
type CallConfig = ReturnType<ConfigSelector["invoke"]>;

/** What resolvers work with. */
export interface ResolverSurroundings {
  /** Begins to ask for a service. To be paired with {@link release}. */
  acquire(authority: string): AuthorityView;
  release(view: AuthorityView): void;
  /** @returns what the load balancer of a channel gets. */
  serviceOf(view: AuthorityView): BalancedService;
  /** Stands for this process where calls are told apart by their source. */
  readonly self: string;
}

/**
 * @returns the authority that a target names, in lower case.
 * @throws Error that says what is wrong with the target.
 */
export function authorityOf({ authority = "", path }: experimental.GrpcUri): string {
  const found = `${SCHEME}:${authority === "" ? "" : `//${authority}/`}${path}`;
  if (authority !== "")
    throw new Error(
      `${found}: found "${authority}" between the slashes, wanted ${SCHEME}:///service.namespace:port`,
    );
  const name = path.replace(/^\/+/, "").toLowerCase();
  if (!PORT.test(name))
    throw new Error(`${found}: found no port, wanted ${SCHEME}:///service.namespace:port`);
  return name;
}

/** Tells a channel where a service is: once when that is known, and again with every change. */
export class IsobarResolver implements experimental.Resolver {
  readonly #authority: string;
  readonly #listener: experimental.ResolverListener;
  /** Asked for when the channel is first used: making one that is never used costs nothing. */
  readonly #surroundings: () => ResolverSurroundings;
  #around: ResolverSurroundings | undefined;
  #view: AuthorityView | undefined;
  #stop: (() => void) | undefined;

  constructor(
    target: experimental.GrpcUri,
    listener: experimental.ResolverListener,
    around: () => ResolverSurroundings,
  ) {
    this.#authority = authorityOf(target);
    this.#listener = listener;
    this.#surroundings = around;
  }

  /** @see Resolver.updateResolution */
  updateResolution(): void {
    if (this.#view !== undefined) return;
    const around = this.#surroundings();
    const view = around.acquire(this.#authority);
    this.#around = around;
    this.#view = view;
    this.#stop = view.listen(() => this.#tell(view));
    // Not before this call has returned.
    process.nextTick(() => this.#tell(view));
  }

  destroy(): void {
    if (this.#view === undefined) return;
    this.#stop?.();
    this.#around!.release(this.#view);
    this.#view = undefined;
  }

  #tell(view: AuthorityView): void {
    if (view !== this.#view || view.state === "asking") return;
    const { retryThrottling } = view;
    this.#listener(
      { ok: true, value: [] },
      { [CONFIG_SELECTOR_OPTION]: this.#selector(view), [SERVICE_OPTION]: this.#around!.serviceOf(view) },
      {
        ok: true,
        value: {
          loadBalancingConfig: [{ [POLICY_NAME]: {} }],
          methodConfig: [],
          ...(retryThrottling === undefined ? {} : { retryThrottling }),
        },
      },
      "",
    );
  }

  #selector(view: AuthorityView): ConfigSelector {
    const { self } = this.#around!;
    return {
      invoke: (method, metadata): CallConfig => {
        const call = new RoutedCall(view, method, metadata, self);
        call.changeHeaders(metadata);
        return {
          methodConfig: view.methodConfigOf(call.destination, method),
          // Strings are what other policies expect of it; it is handed on as it is.
          pickInformation: call as unknown as CallConfig["pickInformation"],
          status: 0,
          dynamicFilterFactories: [],
        };
      },
      unref: () => {},
    };
  }
}
