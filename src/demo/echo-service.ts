import type { MethodDefinition } from "@grpc/grpc-js";
import { decodeStringFields, encodeStringFields } from "./string-fields.ts";

/** `echo.SayRequest` of echo.proto. */
export interface SayRequest {
  readonly text: string;
}

/** `echo.SayReply` of echo.proto. */
export interface SayReply {
  readonly text: string;
  readonly backend: string;
  readonly zone: string;
}

/** The `:authority` that selects the demo's backends. */
export const ECHO_AUTHORITY = "echo.default.svc.cluster.local:50051";

/** `echo.Echo` of echo.proto, written by hand: two methods need no generated code. */
export const echoService = {
  Say: method("/echo.Echo/Say", false),
  Chat: method("/echo.Echo/Chat", true),
} as const;

function method(path: string, streaming: boolean): MethodDefinition<SayRequest, SayReply> {
  return {
    path,
    requestStream: streaming,
    responseStream: streaming,
    requestSerialize: (request) => encodeStringFields([request.text]),
    requestDeserialize: (octets) => ({ text: decodeStringFields(octets, 1)[0] ?? "" }),
    responseSerialize: (reply) => encodeStringFields([reply.text, reply.backend, reply.zone]),
    responseDeserialize: (octets) => {
      const [text = "", backend = "", zone = ""] = decodeStringFields(octets, 3);
      return { text, backend, zone };
    },
  };
}
