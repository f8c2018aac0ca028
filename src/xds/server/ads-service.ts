import type { ServiceDefinition, UntypedHandleCall } from "@grpc/grpc-js";

const identity = (octets: Buffer): Buffer => octets;

function method(name: string) {
  return {
    path: `/envoy.service.discovery.v3.AggregatedDiscoveryService/${name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  } as const;
}

/** envoy.service.discovery.v3.AggregatedDiscoveryService, whose messages are octets: they are put together elsewhere. */
export const ADS_SERVICE = {
  StreamAggregatedResources: method("StreamAggregatedResources"),
  DeltaAggregatedResources: method("DeltaAggregatedResources"),
} as const satisfies ServiceDefinition<Record<string, UntypedHandleCall>>;
