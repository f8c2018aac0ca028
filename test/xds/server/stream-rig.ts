import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ResourceCache } from "../../../src/xds/cache/resource-cache.ts";
import type { NodeSchema } from "../../../src/xds/generated/envoy/config/core/v3/base_pb.js";
import { ClusterLoadAssignmentSchema } from "../../../src/xds/generated/envoy/config/endpoint/v3/endpoint_pb.js";
import type {
  DeltaDiscoveryResponse,
  DiscoveryResponse,
} from "../../../src/xds/generated/envoy/service/discovery/v3/discovery_pb.js";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "../../../src/xds/generated/envoy/service/discovery/v3/discovery_pb.js";
import { ClientViews } from "../../../src/xds/resources/client-view.ts";
import type { TypeUrl } from "../../../src/xds/resources/type-url.ts";
import type { AdsStream, StreamPort, StreamSurroundings } from "../../../src/xds/server/ads-stream.ts";
import { DeltaServerStream } from "../../../src/xds/server/delta-server-stream.ts";
import { SotwStream } from "../../../src/xds/server/sotw-stream.ts";
import { SubscriptionIndex } from "../../../src/xds/server/subscription-index.ts";

const REFUSAL = { code: 3, message: "no such policy" };

/** A cache with streams, without a network: what a server does with them, at once and without waiting. */
export class StreamRig {
  readonly cache = new ResourceCache();
  readonly unknownTypes: string[] = [];
  readonly #shared: StreamSurroundings;
  readonly #streams: AdsStream[] = [];

  constructor() {
    const index = new SubscriptionIndex<AdsStream>();
    this.#shared = {
      source: this.cache,
      views: new ClientViews(),
      index,
      events: {
        pushed: () => {},
        answered: () => {},
        unknownType: (_stream, type) => this.unknownTypes.push(type),
      },
      nowMs: () => 0,
      wallNowMs: () => 0,
    };
    this.cache.watch(
      ({ resources }) => {
        const touched = new Set<AdsStream>();
        for (const { type, name } of resources)
          index.forEach(type, name, (stream) => {
            stream.markChanged(type, name);
            touched.add(stream);
          });
        for (const stream of touched) stream.flush();
      },
      () => {
        for (const stream of this.#streams) stream.flush();
      },
    );
  }

  sotw(userAgentName: string, zone = ""): SotwPeer {
    const written: Buffer[] = [];
    const port = new RecordingPort(written);
    const stream = new SotwStream(this.#streams.length, port, this.#shared);
    this.#streams.push(stream);
    return new SotwPeer(stream, port, written, userAgentName, zone);
  }

  /** @param metadata of the client's node. */
  delta(userAgentName: string, zone = "", metadata: JsonObject = {}): DeltaPeer {
    const written: Buffer[] = [];
    const port = new RecordingPort(written);
    const stream = new DeltaServerStream(this.#streams.length, port, this.#shared);
    this.#streams.push(stream);
    return new DeltaPeer(stream, port, written, userAgentName, zone, metadata);
  }
}

class RecordingPort implements StreamPort {
  readonly peer = "test";
  failure: string | undefined;
  isFull = false;
  readonly #written: Buffer[];

  constructor(written: Buffer[]) {
    this.#written = written;
  }

  write(parts: readonly Buffer[]): boolean {
    this.#written.push(Buffer.concat(parts));

    return !this.isFull;
  }

  wake(): void {}

  fail(code: number, message: string): void {
    this.failure = `${code}: ${message}`;
  }
}

abstract class Peer {
  readonly stream: AdsStream;
  readonly port: RecordingPort;
  protected readonly written: Buffer[];
  readonly #node: MessageInitShape<typeof NodeSchema>;
  #introduced = false;

  constructor(
    stream: AdsStream,
    port: RecordingPort,
    written: Buffer[],
    userAgentName: string,
    zone: string,
    metadata: JsonObject = {},
  ) {
    this.stream = stream;
    this.port = port;
    this.written = written;
    this.#node = { id: "n1", userAgentName, locality: { region: "r", zone }, metadata };
  }

  /** What the first request of a stream says and no other. */
  protected introduction() {
    const first = !this.#introduced;
    this.#introduced = true;
    return first ? { node: this.#node } : {};
  }
}

/** The client's side of a SotW stream. */
export class SotwPeer extends Peer {
  request(
    typeUrl: TypeUrl | string,
    resourceNames: string[],
    more: MessageInitShape<typeof DiscoveryRequestSchema> = {},
  ) {
    const init = { ...this.introduction(), typeUrl, resourceNames, ...(more as object) };
    this.stream.receive(toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, init)));
  }

  /** @returns the responses that have come since the last call. */
  responses(): DiscoveryResponse[] {
    return this.written.splice(0).map((octets) => fromBinary(DiscoveryResponseSchema, octets));
  }

  /** @returns the one response that has come. */
  response(): DiscoveryResponse {
    const [only, ...more] = this.responses();
    if (only === undefined || more.length > 0)
      throw new Error(`found ${more.length + (only ? 1 : 0)} responses`);
    return only;
  }

  ack({ typeUrl, nonce, versionInfo }: DiscoveryResponse, resourceNames: string[]): void {
    this.request(typeUrl, resourceNames, { responseNonce: nonce, versionInfo });
  }

  nack({ typeUrl, nonce }: DiscoveryResponse, resourceNames: string[], versionInfo = ""): void {
    this.request(typeUrl, resourceNames, { responseNonce: nonce, versionInfo, errorDetail: REFUSAL });
  }
}

/** The client's side of a delta stream. */
export class DeltaPeer extends Peer {
  request(typeUrl: TypeUrl | string, more: MessageInitShape<typeof DeltaDiscoveryRequestSchema> = {}): void {
    const init = { ...this.introduction(), typeUrl, ...(more as object) };
    this.stream.receive(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, init)));
  }

  responses(): DeltaDiscoveryResponse[] {
    return this.written.splice(0).map((octets) => fromBinary(DeltaDiscoveryResponseSchema, octets));
  }

  response(): DeltaDiscoveryResponse {
    const [only, ...more] = this.responses();
    if (only === undefined || more.length > 0)
      throw new Error(`found ${more.length + (only ? 1 : 0)} responses`);
    return only;
  }

  ack({ typeUrl, nonce }: DeltaDiscoveryResponse): void {
    this.request(typeUrl, { responseNonce: nonce });
  }

  nack({ typeUrl, nonce }: DeltaDiscoveryResponse): void {
    this.request(typeUrl, { responseNonce: nonce, errorDetail: REFUSAL });
  }
}

/** @returns how many endpoints a resource of this response has. */
export function endpointCount(resource: { readonly value: Uint8Array } | undefined): number {
  const { endpoints } = fromBinary(ClusterLoadAssignmentSchema, resource!.value);
  return endpoints.reduce((sum, { lbEndpoints }) => sum + lbEndpoints.length, 0);
}
