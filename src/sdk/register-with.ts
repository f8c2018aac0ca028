import type { ChannelOptions, experimental } from "@grpc/grpc-js";
import type { GrpcModule } from "./grpc-module.ts";
import { IsobarLoadBalancer, POLICY_NAME } from "./isobar-load-balancer.ts";
import type { ResolverSurroundings } from "./isobar-resolver.ts";
import { authorityOf, IsobarResolver, SCHEME } from "./isobar-resolver.ts";

/** The policy's configuration: there is nothing to configure. */
class IsobarConfig implements experimental.TypedLoadBalancingConfig {
  static createFromJson(): IsobarConfig {
    return new IsobarConfig();
  }

  getLoadBalancerName(): string {
    return POLICY_NAME;
  }

  toJsonObject(): object {
    return { [POLICY_NAME]: {} };
  }
}

/** Teaches a copy of grpc-js the scheme and the policy. @param surroundings asked for with every channel that begins to be used. */
export function registerWith(grpc: GrpcModule, surroundings: () => ResolverSurroundings): void {
  class Resolver extends IsobarResolver {
    static getDefaultAuthority(target: experimental.GrpcUri): string {
      return authorityOf(target);
    }

    constructor(
      target: experimental.GrpcUri,
      listener: experimental.ResolverListener,
      _options: ChannelOptions,
    ) {
      super(target, listener, surroundings);
    }
  }
  grpc.experimental.registerResolver(SCHEME, Resolver);
  grpc.experimental.registerLoadBalancerType(POLICY_NAME, IsobarLoadBalancer, IsobarConfig);
}
