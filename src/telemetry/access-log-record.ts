import { grpcStatusName } from "./grpc-status-name.ts";
import { RESPONSE_FLAG_CODES } from "./response-flag.ts";
import { isSensitiveHeader } from "./sensitive-header.ts";

/** One finished request, as a worker hands it to the main thread. */
export interface AccessLogRecord {
  /** When it began, in milliseconds since 1970. */
  readonly startMs: number;
  /** `:path`: service and method. */
  readonly path: string;
  readonly authority: string;
  /** The cluster's name; "" when none was found. */
  readonly cluster: string;
  /** `address:port` of the last endpoint tried; "" when there was none, as for its zone. */
  readonly endpoint: string;
  readonly zone: string;
  /** As sent to the client. */
  readonly grpcStatus: number;
  /** A ResponseFlag. */
  readonly responseFlag: number;
  readonly durationMs: number;
  /** Streams opened towards endpoints for it. */
  readonly attempts: number;
  /** Octets of message data towards the endpoint. */
  readonly requestOctets: number;
  readonly responseOctets: number;
  /** Request headers chosen to be logged, by name in lower case. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The record as one line of JSON. Only the fields named here are written, whatever else the object may hold, and of
 * headers never the value of a sensitive one: there the line says `redacted`.
 *
 * @returns the line with its newline.
 */
export function formatAccessLogRecord(record: AccessLogRecord): string {
  return `${JSON.stringify({
    time: new Date(record.startMs).toISOString(),
    path: record.path,
    authority: record.authority,
    cluster: record.cluster,
    endpoint: record.endpoint,
    zone: record.zone,
    grpc_status: grpcStatusName(record.grpcStatus),
    response_flag: RESPONSE_FLAG_CODES[record.responseFlag] ?? "-",
    duration_ms: Math.round(record.durationMs * 1000) / 1000,
    attempts: record.attempts,
    request_octets: record.requestOctets,
    response_octets: record.responseOctets,
    headers: record.headers && withoutSecrets(record.headers),
  })}\n`;
}

function withoutSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isSensitiveHeader(name) ? "redacted" : value]),
  );
}
