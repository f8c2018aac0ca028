import { join } from "node:path";
import { loadSync } from "@grpc/proto-loader";

/** A span as a collector reads it. */
export interface ReadSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** Numbers as text. */
  readonly attributes: Readonly<Record<string, string>>;
  /** 0: unset, 2: error. */
  readonly status: number;
}

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string };
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string; readonly version: string };
      readonly spans: readonly {
        readonly traceId: Buffer;
        readonly spanId: Buffer;
        readonly parentSpanId: Buffer;
        readonly name: string;
        readonly kind: number;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
        readonly attributes: readonly KeyValue[];
        readonly status?: { readonly code: number } | null;
      }[];
    }[];
  }[];
}

const definition = loadSync(join(import.meta.dirname, "otlp.proto"), {
  defaults: true,
  longs: String,
  oneofs: true,
});
const traces = definition["otlp.Traces"] as unknown as {
  readonly Export: { readonly requestDeserialize: (octets: Buffer) => Export };
};

/** Reads an ExportTraceServiceRequest with a foreign library. @throws when it is none. */
export function readSpans(octets: Uint8Array): {
  readonly resource: Readonly<Record<string, string>>;
  readonly scope: string;
  readonly spans: readonly ReadSpan[];
} {
  const { resourceSpans } = traces.Export.requestDeserialize(Buffer.from(octets));
  const [first] = resourceSpans;
  const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((each) => each.spans));
  return {
    resource: valuesOf(first?.resource.attributes ?? []),
    scope: first?.scopeSpans[0]?.scope.name ?? "",
    spans: spans.map((span) => ({
      traceId: span.traceId.toString("hex"),
      spanId: span.spanId.toString("hex"),
      parentSpanId: span.parentSpanId.toString("hex"),
      name: span.name,
      kind: span.kind,
      startNs: BigInt(span.startTimeUnixNano),
      endNs: BigInt(span.endTimeUnixNano),
      attributes: valuesOf(span.attributes),
      status: span.status?.code ?? 0,
    })),
  };
}

function valuesOf(attributes: readonly KeyValue[]): Record<string, string> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      "intValue" in value && value.intValue !== undefined && value.intValue !== "0"
        ? value.intValue
        : value.stringValue || value.intValue || "",
    ]),
  );
}
