import { grpcStatusName } from "./grpc-status-name.ts";
import { RESPONSE_FLAG_CODES } from "./response-flag.ts";

/** A pod that calls. */
export interface AccessLogSource {
  readonly uid: string;
  readonly namespace: string;
  readonly pod: string;
  readonly serviceAccount: string;
  /** Such as `Deployment/checkout`, or "". */
  readonly workload: string;
}

/** One finished request, as the access log tells it. */
export interface AccessLogRecord {
  /** When it began, in milliseconds since 1970. */
  readonly startMs: number;
  /** `:path`: service and method. */
  readonly path: string;
  readonly authority: string;
  /** The cluster's name; "" when none was found. */
  readonly cluster: string;
  /** The name of the route that decided it; "" when none did. */
  readonly route: string;
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
  /** Who called; its fields are left out where that is not known. */
  readonly source: AccessLogSource | undefined;
}

/** What JSON has to escape, and what is not ASCII. */
const UNPLAIN = /[^ !#-[\]-~]/;
/** Octets of an ISO date up to its seconds, with the point. */
const SECONDS_LENGTH = "2026-01-31T12:00:00.".length;

/**
 * Makes lines of JSON of records, one each. By hand, field by field: `JSON.stringify` of an object and `toISOString` cost
 * four times as much, and only the fields named here can get in.
 */
export class AccessLogFormat {
  #second = Number.NaN;
  #seconds = "";

  /** @returns the line with its newline. */
  line(record: AccessLogRecord): string {
    const attempts = `"attempts":${record.attempts},"request_octets":${record.requestOctets}`;
    return (
      `{"time":"${this.#time(record.startMs)}","path":${quoted(record.path)},"authority":${quoted(record.authority)},` +
      `"cluster":${quoted(record.cluster)},"route":${quoted(record.route)},"endpoint":${quoted(record.endpoint)},"zone":${quoted(record.zone)},` +
      `"grpc_status":"${grpcStatusName(record.grpcStatus)}","response_flag":"${RESPONSE_FLAG_CODES[record.responseFlag] ?? "-"}",` +
      `"duration_ms":${Math.round(record.durationMs * 1000) / 1000},${attempts},"response_octets":${record.responseOctets}${sourceFields(record.source)}}\n`
    );
  }

  #time(startMs: number): string {
    const second = Math.floor(startMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#seconds = new Date(second * 1000).toISOString().slice(0, SECONDS_LENGTH);
    }
    const millis = Math.floor(startMs - second * 1000);
    return `${this.#seconds}${millis < 100 ? (millis < 10 ? "00" : "0") : ""}${millis}Z`;
  }
}

function sourceFields(source: AccessLogSource | undefined): string {
  if (source === undefined) return "";
  const { uid, namespace, pod, serviceAccount, workload } = source;
  return (
    `,"src_namespace":${quoted(namespace)},"src_pod":${quoted(pod)},"src_uid":${quoted(uid)},` +
    `"src_service_account":${quoted(serviceAccount)},"src_workload":${quoted(workload)}`
  );
}

function quoted(text: string): string {
  return UNPLAIN.test(text) ? JSON.stringify(text) : `"${text}"`;
}
