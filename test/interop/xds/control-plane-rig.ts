import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ControlPlaneOptions } from "../../../src/control-plane/control-plane.ts";
import { ControlPlane } from "../../../src/control-plane/control-plane.ts";
import type { ShownLoad } from "../../../src/control-plane/fleet-loads.ts";
import type { Cluster } from "../../../src/resource/cluster.ts";
import { CLUSTER_DEFAULTS } from "../../../src/resource/cluster.ts";
import type { ClusterSettings } from "../../../src/resource/cluster-settings.ts";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import type { Endpoint } from "../../../src/resource/endpoint.ts";
import { ENDPOINT_DEFAULTS, endpointKey } from "../../../src/resource/endpoint.ts";
import type { Route } from "../../../src/resource/route.ts";
import type { ServiceModel } from "../../../src/resource/service.ts";
import type { ServiceSink } from "../../../src/resource/service-source.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import type { StreamStatus } from "../../../src/xds/server/stream-status.ts";

const LOOPBACK = "127.0.0.1";

/** What a test changes of a service. */
export interface ServiceChanges {
  readonly settings?: Parameters<typeof clusterSettings>[0];
  readonly cluster?: Partial<Cluster>;
  readonly routes?: readonly Route[];
}

/** @param changes by address; zones are those of the test. */
export function xdsService(
  name: string,
  addresses: readonly (string | (Partial<Endpoint> & { readonly at: string }))[],
  { settings = {}, cluster = {}, routes = [] }: ServiceChanges = {},
): ServiceModel {
  const endpoints = addresses.map((each): Endpoint => {
    const { at, ...changes } = typeof each === "string" ? { at: each } : each;
    const [address = "", port = ""] = at.split(":");
    const key = endpointKey(name, address, Number(port));
    return { ...ENDPOINT_DEFAULTS, key, address, port: Number(port), region: "r", zone: "a", ...changes };
  });
  const all: ClusterSettings = clusterSettings(settings);
  return {
    name,
    authorities: [name],
    routes,
    cluster: { name, ...CLUSTER_DEFAULTS, ...cluster, settings: all, endpoints },
  };
}

/** A control plane in this process whose services the test gives. */
export class ControlPlaneRig {
  readonly folder = mkdtempSync(join(tmpdir(), "isobar-xds-"));
  port = 0;
  /** 0 where no page is served. */
  pagePort = 0;
  #adminPort = 0;
  #controlPlane: ControlPlane | undefined;
  #sink: ServiceSink | undefined;

  /**
   * @param services all there are.
   * @param port 0 for a free one; another for one that comes back.
   * @param further default: clear text, to everybody, and no other replicas.
   */
  async start(
    services: readonly ServiceModel[],
    port = 0,
    further: Partial<ControlPlaneOptions> = {},
  ): Promise<void> {
    this.#controlPlane = new ControlPlane({
      ...further,
      source: {
        start: async (sink) => {
          this.#sink = sink;
          for (const each of services) sink.upsert(each);
          sink.synced();
        },
        close: async () => {},
      },
      address: { kind: "ip", host: LOOPBACK, port },
      adminAddress: { kind: "ip", host: LOOPBACK, port: 0 },
      log: createLog({ level: "error" }),
    });
    const started = await this.#controlPlane.start();
    ({ port: this.port, adminPort: this.#adminPort, pagePort: this.pagePort } = started);
  }

  get sink(): ServiceSink {
    return this.#sink!;
  }

  async stop(): Promise<void> {
    await this.#controlPlane?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** @returns the path of a bootstrap file for gRPC clients. @param credentials how they reach the control plane. */
  bootstrap(zone = "a", credentials: object = { type: "insecure" }): string {
    const path = join(this.folder, `bootstrap-${zone}.json`);
    const server = {
      server_uri: `${LOOPBACK}:${this.port}`,
      channel_creds: [credentials],
      server_features: ["xds_v3"],
    };
    const node = { id: `node-${zone}`, cluster: "test", locality: { region: "r", zone } };
    writeFileSync(path, JSON.stringify({ xds_servers: [server], node }));
    return path;
  }

  async clients(): Promise<readonly StreamStatus[]> {
    const response = await fetch(`http://${LOOPBACK}:${this.#adminPort}/xds/status?format=json`);
    return ((await response.json()) as { readonly clients: StreamStatus[] }).clients;
  }

  /** @returns what callers have reported of a service; undefined: nothing. */
  async load(service: string): Promise<ShownLoad | undefined> {
    const response = await fetch(`http://${LOOPBACK}:${this.#adminPort}/load?format=json&service=${service}`);
    return ((await response.json()) as { readonly services: readonly ShownLoad[] }).services[0];
  }

  async stats(): Promise<Readonly<Record<string, number>>> {
    const response = await fetch(`http://${LOOPBACK}:${this.#adminPort}/stats?format=json`);
    return (await response.json()) as Record<string, number>;
  }
}
