import type { ServiceError } from "@grpc/grpc-js";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { Audit } from "../../../../src/control-plane/audit/audit.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../../../src/resource/load-balancing.ts";
import type { ServiceModel } from "../../../../src/resource/service.ts";
import { createLog } from "../../../../src/telemetry/log.ts";
import { ControlPlaneRig, xdsService } from "../../../interop/xds/control-plane-rig.ts";
import { freePorts } from "../../../support/free-ports.ts";
import { EchoCaller } from "../../../xds/client/echo-backends.ts";
import { XdsProxy } from "../../../xds/client/xds-proxy.ts";

const same = (octets: Buffer): Buffer => octets;
const CALL_EVERY_MS = 10;

/** A gRPC server that takes its time, and fails now and then. */
class Backend {
  port = 0;
  calls = 0;
  readonly #server = new Server();

  static async start(delayMs: number, failEvery = 0): Promise<Backend> {
    const backend = new Backend();
    const method = {
      path: "/test.Echo/Name",
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    } as const;
    backend.#server.addService(
      { name: method },
      {
        name: (_: unknown, answer: (error: Partial<ServiceError> | null, octets?: Buffer) => void) => {
          const fails = failEvery > 0 && ++backend.calls % failEvery === 0;
          setTimeout(
            () => (fails ? answer({ code: 14, details: "made to fail" }) : answer(null, Buffer.from("x"))),
            delayMs,
          );
        },
      },
    );
    backend.port = await new Promise<number>((resolve, reject) => {
      backend.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    return backend;
  }

  stop(): void {
    this.#server.forceShutdown();
  }
}

/** The service whose requests all go to one endpoint, the one that is as even as it gets, and the one with an endpoint that is not there. */
export const SKEWED = "ledger.payments:50051";
export const EVEN = "rank.search:50051";
export const BROKEN = "cart.shop:8080";

/** Two proxies in two zones, their callers and backends, a control plane with its page, and thousands of services that nobody calls. */
export class PageStage {
  readonly controlPlane = new ControlPlaneRig();
  readonly #backends: Backend[] = [];
  readonly #proxies: XdsProxy[] = [];
  readonly #callers: EchoCaller[] = [];
  #ticker: NodeJS.Timeout | undefined;
  #services: ServiceModel[] = [];

  /** @param idle services that nobody calls. */
  async start(idle: number): Promise<void> {
    for (const [delayMs, failEvery] of [
      [2, 0],
      [2, 0],
      [4, 0],
      [400, 12],
    ] as const)
      this.#backends.push(await Backend.start(delayMs, failEvery));
    const [nobody] = await freePorts(1);
    const at = (i: number, zone: string) => {
      return { at: `127.0.0.1:${this.#backends[i]!.port}`, zone, node: `node-${zone}${i}` };
    };
    const hash = { ...LOAD_BALANCING_DEFAULTS.hash, keys: [{ kind: "header", name: "user" }] as const };
    const everywhere = { ...LOAD_BALANCING_DEFAULTS.locality, distribution: "none" } as const;
    this.#services = [
      xdsService(SKEWED, [at(0, "a"), at(1, "a"), at(2, "b"), at(3, "b")], {
        settings: { loadBalancing: { policy: "ring_hash", hash, locality: everywhere } },
      }),
      xdsService(EVEN, [at(0, "a"), at(1, "a"), at(2, "b"), at(3, "b")], {
        settings: { loadBalancing: { policy: "round_robin", locality: everywhere } },
      }),
      xdsService(BROKEN, [at(0, "a"), { at: `127.0.0.1:${nobody}`, zone: "a", node: "node-a9" }], {}),
      ...Array.from({ length: idle }, (_, i) =>
        xdsService(
          `service-${i}.team-${i % 40}:8080`,
          [1, 2, 3, 4].map((n) => ({
            at: `10.${(i >> 8) & 255}.${i & 255}.${n}:8080`,
            zone: "abc"[n % 3]!,
            node: `node-${n}`,
          })),
        ),
      ),
    ];
    const folder = `${this.controlPlane.folder}/audit`;
    const log = createLog({ level: "silent" });
    const audit = await Audit.open({ folder, fileOctets: 64_000_000, maxFiles: 2 }, log);
    await this.controlPlane.start(this.#services, 0, {
      audit,
      auditFolder: folder,
      pageAddress: { kind: "ip", host: "127.0.0.1", port: 0 },
    });
    for (const zone of ["a", "b"]) {
      const addresses = [`127.0.0.1:${this.controlPlane.port}`];
      this.#proxies.push(await XdsProxy.start({ addresses, node: { id: `node-${zone}`, zone } }));
    }
    for (const { address } of this.#proxies)
      for (const service of [SKEWED, EVEN, BROKEN]) this.#callers.push(new EchoCaller(address, service));
    this.#ticker = setInterval(() => {
      for (const each of this.#callers) void each.call(20_000, { user: "always the same" });
    }, CALL_EVERY_MS);
  }

  get url(): string {
    return `http://127.0.0.1:${this.controlPlane.pagePort}`;
  }

  async ask<Answer>(path: string): Promise<Answer> {
    return (await (await fetch(`${this.url}${path}`)).json()) as Answer;
  }

  /** Somebody changes the even service. */
  change(): void {
    const [, even] = this.#services;
    this.controlPlane.sink.upsert({
      ...even!,
      cluster: {
        ...even!.cluster,
        endpoints: even!.cluster.endpoints.map((each, i) => (i === 3 ? { ...each, weight: 2 } : each)),
      },
      cause: {
        object: "Service search/rank",
        resourceVersion: "812",
        verb: "MODIFIED",
        fieldManager: "kubectl-annotate",
      },
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#ticker);
    for (const each of this.#callers) each.close();
    await Promise.all(this.#proxies.map((each) => each.stop()));
    await this.controlPlane[Symbol.asyncDispose]();
    for (const each of this.#backends) each.stop();
  }
}
