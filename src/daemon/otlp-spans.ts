import type { AttemptRecord, CallRecord } from "../proxy/tracing/call-record.ts";

/** Who sends spans. */
export interface SpanSource {
  readonly node: string;
  readonly zone: string;
  readonly version: string;
}

/** Kinds and statuses of spans. Source: opentelemetry/proto/trace/v1/trace.proto. */
const KIND = { server: 2, client: 3 } as const;
const STATUS = { unset: 0, error: 2 } as const;
/** Statuses that are the serving side's fault. Source: OpenTelemetry semantic conventions, "gRPC", status of server spans. */
const SERVER_FAULTS: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);
/** Octets of text in an attribute at most. */
const MAX_TEXT = 1_024;

type Attribute = {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string };
};

/**
 * @returns calls and their attempts as an ExportTraceServiceRequest in OTLP's JSON: ids in hexadecimal, 64-bit numbers as text. Names of attributes are
 * those of OpenTelemetry's RPC conventions and gRFC A72; what is the proxy's own begins with `isobar.`.
 */
export function otlpSpans(calls: readonly CallRecord[], { node, zone, version }: SpanSource): object {
  const resource = attributes({
    "service.name": "isobar",
    "service.version": version,
    "k8s.node.name": node,
    "cloud.availability_zone": zone,
  });
  const scope = { name: "isobar", version };
  const spans = calls.flatMap((call) => [
    callSpan(call),
    ...call.attempts.map((each, i) => attemptSpan(call, each, i)),
  ]);
  return { resourceSpans: [{ resource: { attributes: resource }, scopeSpans: [{ scope, spans }] }] };
}

function callSpan(call: CallRecord): object {
  const { service, method } = split(call.path);
  return {
    traceId: call.traceId,
    spanId: call.spanId,
    ...(call.parentSpanId === "" ? {} : { parentSpanId: call.parentSpanId }),
    name: call.path.slice(1, MAX_TEXT) || "unknown",
    kind: KIND.server,
    startTimeUnixNano: nanos(call.startMs),
    endTimeUnixNano: nanos(call.endMs),
    attributes: attributes({
      "rpc.system": "grpc",
      "rpc.service": service,
      "rpc.method": method,
      "rpc.grpc.status_code": call.grpcStatus,
      "server.address": call.authority,
      "k8s.pod.name": call.sourcePod,
      "k8s.namespace.name": call.sourceNamespace,
      "isobar.cluster": call.cluster,
      "isobar.route": call.route,
      "isobar.lb_policy": call.policy,
      "isobar.response_flag": call.responseFlag,
      "isobar.retries": call.retries,
      "isobar.request.octets": call.requestOctets,
      "isobar.response.octets": call.responseOctets,
    }),
    status: { code: SERVER_FAULTS.has(call.grpcStatus) ? STATUS.error : STATUS.unset },
  };
}

function attemptSpan(call: CallRecord, attempt: AttemptRecord, index: number): object {
  return {
    traceId: call.traceId,
    spanId: attempt.spanId,
    parentSpanId: call.spanId,
    name: `Attempt.${call.path.slice(1, MAX_TEXT)}`,
    kind: KIND.client,
    startTimeUnixNano: nanos(attempt.startMs),
    endTimeUnixNano: nanos(attempt.endMs),
    attributes: attributes({
      "rpc.system": "grpc",
      "previous-rpc-attempts": index,
      "network.peer.address": attempt.address,
      "network.peer.port": attempt.port,
      "isobar.endpoint.zone": attempt.zone,
      "isobar.pick": attempt.pick,
    }),
    status: { code: attempt.isOk ? STATUS.unset : STATUS.error },
  };
}

function split(path: string): { readonly service: string; readonly method: string } {
  const end = path.lastIndexOf("/");
  return { service: path.slice(1, Math.max(1, end)), method: path.slice(end + 1) };
}

/** What is empty is left out. */
function attributes(values: Readonly<Record<string, string | number>>): Attribute[] {
  return Object.entries(values).flatMap(([key, value]): Attribute[] => {
    if (value === "") return [];
    if (typeof value === "number") return [{ key, value: { intValue: String(value) } }];
    return [{ key, value: { stringValue: value.slice(0, MAX_TEXT) } }];
  });
}

/** @returns milliseconds since 1970 as nanoseconds: more than a double holds. */
function nanos(ms: number): string {
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6)));
}
