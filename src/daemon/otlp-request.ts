import type { SpanBatch } from "../proxy/tracing/span-batch.ts";
import { SPANS_AT } from "../proxy/tracing/span-batch.ts";

/** Who sends spans. */
export interface SpanSource {
  readonly node: string;
  readonly zone: string;
  readonly version: string;
}

/** Field numbers. Source: opentelemetry/proto/collector/trace/v1/trace_service.proto, trace/v1/trace.proto, common/v1/common.proto, resource/v1/resource.proto. */
const RESOURCE_SPANS = 1;
const RESOURCE = 1;
const SCOPE_SPANS = 2;
const SCOPE = 1;
const SCOPE_NAME = 1;
const SCOPE_VERSION = 2;
const ATTRIBUTES = 1;
const KEY = 1;
const VALUE = 2;
const STRING_VALUE = 1;

/** What is at the beginning of a batch's memory stays as it is. */
const WORD_OCTETS = 4;

/** @returns an ExportTraceServiceRequest in protobuf. Of one batch it lies in the batch's memory, where there is room before the spans. */
export function otlpRequest(batches: readonly SpanBatch[], { node, zone, version }: SpanSource): Buffer {
  const about = { "service.name": "isobar", "service.version": version, "k8s.node.name": node };
  const attributes = Object.entries({ ...about, "cloud.availability_zone": zone })
    .filter(([, value]) => value !== "")
    .map(([key, value]) => field(ATTRIBUTES, [text(KEY, key), field(VALUE, [text(STRING_VALUE, value)])]));
  const resource = field(RESOURCE, attributes);
  const scope = field(SCOPE, [text(SCOPE_NAME, "isobar"), text(SCOPE_VERSION, version)]);
  const spansOctets = batches.reduce((sum, { octets }) => sum + octets.length - SPANS_AT, 0);
  const scopeHead = head(SCOPE_SPANS, scope.length + spansOctets);
  const octets = resource.length + scopeHead.length + scope.length + spansOctets;
  const front = Buffer.concat([head(RESOURCE_SPANS, octets), resource, scopeHead, scope]);
  const [first] = batches;
  if (first === undefined || batches.length > 1 || front.length > SPANS_AT - WORD_OCTETS)
    return Buffer.concat([front, ...batches.map((each) => each.octets.subarray(SPANS_AT))]);
  const from = SPANS_AT - front.length;
  first.octets.set(front, from);
  return Buffer.from(first.octets.buffer, first.octets.byteOffset + from, first.octets.length - from);
}

function text(number: number, value: string): Buffer {
  return field(number, [Buffer.from(value)]);
}

function field(number: number, parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([head(number, body.length), body]);
}

/** The tag and length of a field of octets. */
function head(number: number, length: number): Buffer {
  const octets = [(number << 3) | 2];
  let rest = length;
  while (rest >= 0x80) {
    octets.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  octets.push(rest);
  return Buffer.from(octets);
}
