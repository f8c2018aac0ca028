import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { IdentitySource } from "../../../src/control-plane/trust/identity-source.ts";
import { ResourceCache } from "../../../src/xds/cache/resource-cache.ts";
import type { ControlPlaneTls } from "../../../src/xds/client/grpc-ads-transport.ts";
import { GrpcAdsTransport } from "../../../src/xds/client/grpc-ads-transport.ts";
import { encodeDeltaRequest } from "../../../src/xds/resources/delta-request.ts";
import { decodeDeltaResponse } from "../../../src/xds/resources/delta-response.ts";
import { TYPE_URL } from "../../../src/xds/resources/type-url.ts";
import type { Admission } from "../../../src/xds/server/admission.ts";
import { AdsServer } from "../../../src/xds/server/ads-server.ts";
import { service } from "../../xds/service-builder.ts";

const LIMIT_MS = 20_000;

/** A stream as a client of the test has it. */
export interface OpenStream {
  /** Why it ended; undefined while it stands. */
  readonly ended: string | undefined;
  /** Names of clusters that it has been given, and of those that do not exist. */
  readonly has: ReadonlySet<string>;
  readonly hasNot: ReadonlySet<string>;
  close(): void;
}

/** How a client of the test comes. */
export interface ClientWish {
  readonly token?: string;
  readonly node?: string;
  /** Clusters that it asks for. */
  readonly wants?: readonly string[];
}

/** The xDS server behind TLS with real clients. */
export class TrustRig implements AsyncDisposable {
  /** Connections that failed: peer and reason. */
  readonly failed: string[] = [];
  /** Services that were denied: node and service. */
  readonly denied: string[] = [];
  readonly cache = new ResourceCache();
  readonly #server: AdsServer;
  readonly #identity: IdentitySource;
  #port = 0;

  private constructor(identity: IdentitySource, admission: Admission | undefined) {
    this.#identity = identity;
    this.#server = new AdsServer({
      source: this.cache,
      events: {
        pushed: () => {},
        answered: () => {},
        unknownType: () => {},
        denied: (stream, name) => void this.denied.push(`${stream.nodeId} ${name}`),
      },
      onFault: (_, error) => assert.fail(String(error)),
      admission,
      onConnectionFailed: (peer, reason) => void this.failed.push(`${peer} ${reason}`),
    });
  }

  static async start(identity: IdentitySource, admission?: Admission): Promise<TrustRig> {
    const rig = new TrustRig(identity, admission);
    rig.cache.upsert(service("a.shop:80", 1));
    rig.cache.upsert(service("b.bank:80", 1));
    rig.cache.synced();
    const proof = await identity.start((renewed) => rig.#server.use(renewed));
    rig.#port = await rig.#server.listen("127.0.0.1:0", proof);
    return rig;
  }

  /** @returns a stream that has asked and been answered. Rejects with why it ended before. */
  async open(tls: ControlPlaneTls | undefined, wish: ClientWish = {}): Promise<OpenStream> {
    const { token = "", node = "n1", wants = ["a.shop:80"] } = wish;
    const transport = new GrpcAdsTransport(
      () => tls,
      () => token,
    );
    const has = new Set<string>();
    const hasNot = new Set<string>();
    const state: { ended?: string; asked: boolean } = { asked: false };
    const stream = transport.open(`127.0.0.1:${this.#port}`, {
      onOpen: () => {
        const place = { id: node, region: "", zone: "", userAgentVersion: "1" };
        stream.send(encodeDeltaRequest({ node: place, typeUrl: TYPE_URL.cluster, subscribe: wants }));
      },
      onMessage: (octets) => {
        const { value } = decodeDeltaResponse(octets);
        for (const { name } of value?.resources ?? []) {
          has.add(name);
          hasNot.delete(name);
        }
        for (const name of value?.removed ?? []) {
          has.delete(name);
          hasNot.add(name);
        }
        stream.send(encodeDeltaRequest({ typeUrl: TYPE_URL.cluster, nonce: value?.nonce ?? "" }));
      },
      onEnd: (reason) => {
        state.ended = reason;
      },
    });
    await this.until(() => state.ended !== undefined || has.size + hasNot.size === wants.length);
    if (state.ended !== undefined) throw new Error(state.ended);
    return {
      get ended() {
        return state.ended;
      },
      has,
      hasNot,
      close: () => {
        stream.close();
        transport.close();
      },
    };
  }

  /** @returns `answered`, or why the stream ended. */
  async attempt(tls: ControlPlaneTls | undefined, wish: ClientWish = {}): Promise<string> {
    try {
      (await this.open(tls, wish)).close();
      return "answered";
    } catch (error) {
      return (error as Error).message;
    }
  }

  async until(holds: () => boolean): Promise<void> {
    const untilMs = performance.now() + LIMIT_MS;
    while (!holds()) {
      assert.ok(performance.now() < untilMs, `not within ${LIMIT_MS} ms; failed: ${this.failed.join("; ")}`);
      await sleep(5);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await this.#identity.close();
  }
}
