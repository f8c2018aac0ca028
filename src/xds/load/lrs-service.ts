import type { ServiceDefinition, UntypedHandleCall } from "@grpc/grpc-js";

const identity = (octets: Buffer): Buffer => octets;

/** envoy.service.load_stats.v3.LoadReportingService, whose messages are octets. */
export const LRS_SERVICE = {
  StreamLoadStats: {
    path: "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats",
    requestStream: true,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
} as const satisfies ServiceDefinition<Record<string, UntypedHandleCall>>;
