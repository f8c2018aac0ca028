import { ResponseFlag } from "../telemetry/response-flag.ts";

/** Why a request is answered by us and not by an endpoint. */
export interface Http1Fault {
  /** The HTTP status the client gets. */
  readonly status: number;
  /** One short line for people; names no octets of the request. */
  readonly text: string;
  /** Envoy's letters for it go with the text. */
  readonly flag: ResponseFlag;
}

/** @returns a fault of the client's own making. */
export function clientFault(status: number, text: string): Http1Fault {
  return { status, text, flag: ResponseFlag.downstreamProtocolError };
}
