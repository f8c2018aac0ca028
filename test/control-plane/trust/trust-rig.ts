import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { IdentitySource } from "../../../src/control-plane/trust/identity-source.ts";
import { ResourceCache } from "../../../src/xds/cache/resource-cache.ts";
import type { ControlPlaneTls } from "../../../src/xds/client/grpc-ads-transport.ts";
import type { Admission } from "../../../src/xds/server/admission.ts";
import { AdsServer } from "../../../src/xds/server/ads-server.ts";
import { service } from "../../xds/service-builder.ts";
import type { ClientWish, OpenStream } from "./xds-caller.ts";
import { attemptStream, openStream } from "./xds-caller.ts";

const LIMIT_MS = 20_000;

/** The xDS server behind TLS with real clients. */
export class TrustRig implements AsyncDisposable {
  /** Connections that failed: peer and reason. */
  readonly failed: string[] = [];
  /** Services that were denied: node and service. */
  readonly denied: string[] = [];
  /** Why clients were refused. */
  readonly refused: string[] = [];
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
      onRefused: (_, { reason, message }) => void this.refused.push(`${reason} ${message}`),
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

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  open(tls: ControlPlaneTls | undefined, wish: ClientWish = {}): Promise<OpenStream> {
    return openStream(this.address, tls, wish);
  }

  attempt(tls: ControlPlaneTls | undefined, wish: ClientWish = {}): Promise<string> {
    return attemptStream(this.address, tls, wish);
  }

  async until(holds: () => boolean): Promise<void> {
    const untilMs = performance.now() + LIMIT_MS;
    while (!holds()) {
      assert.ok(performance.now() < untilMs, `not within ${LIMIT_MS} ms; failed: ${this.failed.join("; ")}`);
      await sleep(5);
    }
  }

  async eventually(holds: () => Promise<boolean>): Promise<void> {
    const untilMs = performance.now() + LIMIT_MS;
    while (!(await holds())) {
      assert.ok(performance.now() < untilMs, `not within ${LIMIT_MS} ms`);
      await sleep(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await this.#identity.close();
  }
}
