import { AttemptOutcome } from "../lb/outlier/attempt-outcome.ts";
import { ExchangeBit } from "./exchange-table.ts";

/** The one 5xx that says something of the request alone. */
const NOT_IMPLEMENTED = 501;
const BAD_GATEWAY = 502;
const GATEWAY_TIMEOUT = 504;

/** @returns what an answer's HTTP status from 500 on is remembered as: bits of {@link ExchangeBit}. */
export function httpErrorBits(status: number): number {
  if (status === NOT_IMPLEMENTED) return 0;
  return status >= BAD_GATEWAY && status <= GATEWAY_TIMEOUT
    ? ExchangeBit.serverError | ExchangeBit.gatewayError
    : ExchangeBit.serverError;
}

/**
 * What an answer without a gRPC status says about the endpoint, where that is no success: of 500 and the like the request may be the
 * cause, as of UNKNOWN, which is what gRPC makes of it.
 *
 * @param bits of the exchange.
 */
export function outcomeOfHttp(bits: number): AttemptOutcome {
  const mayBeRequests = (bits & ExchangeBit.serverError) !== 0 && (bits & ExchangeBit.gatewayError) === 0;
  return mayBeRequests ? AttemptOutcome.error : AttemptOutcome.fault;
}
