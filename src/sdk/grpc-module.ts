import type * as grpc from "@grpc/grpc-js";

/** What of `@grpc/grpc-js` is taught something new. */
export interface GrpcModule {
  readonly experimental: Pick<typeof grpc.experimental, "registerResolver" | "registerLoadBalancerType">;
}
