import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { Client, credentials } from "@grpc/grpc-js";
import { ResourceCache } from "../../../src/xds/cache/resource-cache.ts";
import type { DiscoveryResponse } from "../../../src/xds/generated/envoy/service/discovery/v3/discovery_pb.js";
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "../../../src/xds/generated/envoy/service/discovery/v3/discovery_pb.js";
import { TYPE_URL } from "../../../src/xds/resources/type-url.ts";
import { AdsServer } from "../../../src/xds/server/ads-server.ts";
import { ADS_SERVICE } from "../../../src/xds/server/ads-service.ts";
import { endpoint } from "../../resource/cluster-builder.ts";
import { service } from "../service-builder.ts";
import { endpointCount } from "./stream-rig.ts";

const A = "a.default:80";
const { loadAssignment } = TYPE_URL;
const identity = (octets: Buffer) => octets;

/** A server on a cache, and its clients; all of it ends with the test. */
class ServerRig {
  readonly cache = new ResourceCache();
  readonly faults: unknown[] = [];
  /** By stream. */
  readonly sentOctets = new Map<number, number>();
  readonly server = new AdsServer({
    source: this.cache,
    events: {
      pushed: (stream, _type, _resources, octets) => {
        this.sentOctets.set(stream.id, (this.sentOctets.get(stream.id) ?? 0) + octets);
      },
      answered: () => {},
      unknownType: () => {},
    },
    onFault: (_peer, error) => this.faults.push(error),
  });
  readonly #clients: Client[] = [];
  #port = 0;

  async start(): Promise<void> {
    this.#port = await this.server.listen("127.0.0.1:0");
  }

  /** @returns a stream on a connection of its own. */
  open(): ClientDuplexStream<Buffer, Buffer> {
    const options = { "grpc.use_local_subchannel_pool": 1, "grpc.max_receive_message_length": -1 };
    const client = new Client(`127.0.0.1:${this.#port}`, credentials.createInsecure(), options);
    this.#clients.push(client);
    const { path } = ADS_SERVICE.StreamAggregatedResources;
    const stream = client.makeBidiStreamRequest(path, identity, identity);
    stream.on("error", () => {});
    return stream;
  }

  [Symbol.dispose](): void {
    this.server.close();
    for (const client of this.#clients) client.close();
  }
}

function request(names: readonly string[], more: object = {}): Buffer {
  const init = { typeUrl: loadAssignment, resourceNames: [...names], node: { id: "n" }, ...more };
  return Buffer.from(toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, init)));
}

/** Accepts every response and hands it on. */
function follow(
  stream: ClientDuplexStream<Buffer, Buffer>,
  seen: (response: DiscoveryResponse) => void,
): void {
  stream.on("data", (octets: Buffer) => {
    const response = fromBinary(DiscoveryResponseSchema, octets);
    stream.write(request([A], { responseNonce: response.nonce, versionInfo: response.versionInfo }));
    seen(response);
  });
  stream.write(request([A]));
}

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!holds()) {
    assert.ok(performance.now() < end, "not within a minute");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("AdsServer", () => {
  it("sends a change to every client, and the newest state of a burst", async () => {
    using rig = new ServerRig();
    await rig.start();
    rig.cache.upsert(service(A, 1));
    rig.cache.synced();
    const counts: number[] = [];
    const responses: number[] = [];
    for (let client = 0; client < 120; client++) {
      responses.push(0);
      follow(rig.open(), (response) => {
        counts[client] = endpointCount(response.resources[0]);
        responses[client]!++;
      });
    }
    await until(() => counts.length === 120 && counts.every((count) => count === 1));
    for (let count = 2; count <= 21; count++) rig.cache.upsert(service(A, count));
    await until(() => counts.every((count) => count === 21));
    assert.ok(Math.max(...responses) <= 3, `${Math.max(...responses)} responses for a burst of 20 changes`);
    assert.deepEqual(rig.faults, []);
  });

  it("keeps nothing for a client that does not read, and lets nobody wait for it", async () => {
    using rig = new ServerRig();
    await rig.start();
    // 1 MB as a resource: far more than the connection's windows take.
    const large = (n: number) =>
      service(
        A,
        Array.from({ length: 100 }, (_, i) =>
          endpoint(i, { labels: { n: String(n), pad: "x".repeat(10_000) } }, A),
        ),
      );
    rig.cache.upsert(large(0));
    rig.cache.synced();
    const deaf = rig.open();
    deaf.write(request([A]));
    deaf.pause();
    let seen = 0;
    follow(rig.open(), () => seen++);
    await until(() => seen === 1);
    for (let n = 1; n <= 40; n++) {
      rig.cache.upsert(large(n));
      await until(() => seen === n + 1);
    }
    const [status] = rig.server
      .status()
      .filter(({ types }) => types.some(({ unanswered }) => unanswered > 0));
    assert.equal(status?.types[0]?.unanswered, 1);
    const sent = rig.sentOctets.get(status!.stream)!;
    assert.ok(sent < 2_000_000, `${sent} octets, of 41 versions of 1 MB`);
  });

  it("ends the stream of whoever sends what is no request, and no other", async () => {
    using rig = new ServerRig();
    await rig.start();
    rig.cache.upsert(service(A, 1));
    rig.cache.synced();
    let seen = 0;
    follow(rig.open(), () => seen++);
    const broken = rig.open();
    const ended = new Promise<number>((resolve) =>
      broken.on("error", ({ code }: { code: number }) => resolve(code)),
    );
    broken.write(Buffer.from([0xff, 0xff, 0xff]));
    assert.equal(await ended, 3);
    rig.cache.upsert(service(A, 2));
    await until(() => seen === 2);
    assert.equal(rig.faults.length, 1);
  });

  it("forgets clients that go", async () => {
    using rig = new ServerRig();
    await rig.start();
    rig.cache.upsert(service(A, 1));
    rig.cache.synced();
    let seen = 0;
    const stream = rig.open();
    follow(stream, () => seen++);
    await until(() => seen === 1 && rig.server.status().length === 1);
    stream.cancel();
    await until(() => rig.server.status().length === 0);
    rig.cache.upsert(service(A, 2));
  });

  it("says so when its address is taken", async () => {
    using rig = new ServerRig();
    const port = await rig.server.listen("127.0.0.1:0");
    using other = new ServerRig();
    await assert.rejects(other.server.listen(`127.0.0.1:${port}`));
  });
});
