import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Child } from "../../clients/harness/child.ts";
import { freePorts } from "../../support/free-ports.ts";

const HTTP2_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "envoy.extensions.filters.http.router.v3.Router";
const READY_LIMIT_MS = 60_000;

/** A form of ADS, as Envoy's bootstrap names it. */
export type AdsForm = "GRPC" | "DELTA_GRPC";

/** Files by which it and the control plane know each other. */
export interface EnvoyTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** The control plane's name. */
  readonly name: string;
}

/** A real Envoy with one listener, whose clusters, endpoints and routes come from a control plane. */
export class EnvoyProcess {
  readonly address: string;
  readonly #adminPort: number;
  readonly #child: Child;

  private constructor(child: Child, port: number, adminPort: number) {
    this.#child = child;
    this.address = `127.0.0.1:${port}`;
    this.#adminPort = adminPort;
  }

  /** @returns it when its clusters and routes have come. */
  static async start(
    program: string,
    folder: string,
    xdsPort: number,
    form: AdsForm,
    zone = "a",
    tls?: EnvoyTls,
  ): Promise<EnvoyProcess> {
    const [port, adminPort] = (await freePorts(2)) as [number, number];
    const path = join(folder, `envoy-${form}-${port}.json`);
    writeFileSync(path, JSON.stringify(bootstrap({ port, adminPort, xdsPort, form, zone, tls })));
    const args = ["-c", path, "--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warning"];
    const envoy = new EnvoyProcess(new Child({ command: program, args }, []), port, adminPort);
    await envoy.until("it is ready", async () => {
      const response = await fetch(`http://127.0.0.1:${adminPort}/ready`);
      return response.status === 200;
    });
    return envoy;
  }

  /** @returns its counters and gauges. */
  async stats(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`http://127.0.0.1:${this.#adminPort}/stats`)).text();
    return new Map(
      text
        .split("\n")
        .map((line) => /^(.*): (\d+)$/.exec(line))
        .filter((match) => match !== null)
        .map(([, name, value]) => [name!, Number(value)]),
    );
  }

  /** @returns `ip:port` of a cluster's endpoints that it may use, sorted. */
  async endpoints(cluster: string): Promise<string[]> {
    const response = await fetch(`http://127.0.0.1:${this.#adminPort}/clusters?format=json`);
    const { cluster_statuses: all = [] } = (await response.json()) as {
      readonly cluster_statuses?: readonly {
        readonly name: string;
        readonly host_statuses?: readonly {
          readonly address: {
            readonly socket_address: { readonly address: string; readonly port_value: number };
          };
          readonly health_status: { readonly eds_health_status?: string };
        }[];
      }[];
    };
    const hosts = all.find(({ name }) => name === cluster)?.host_statuses ?? [];
    return hosts
      .filter(({ health_status }) => health_status.eds_health_status === "HEALTHY")
      .map(({ address: { socket_address: at } }) => `${at.address}:${at.port_value}`)
      .sort();
  }

  /** @returns everything it has been told, and what its bootstrap says. */
  async configDump(): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.#adminPort}/config_dump?include_eds`)).text();
  }

  /** Waits for what must come true. */
  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + READY_LIMIT_MS;
    while (!(await holds().catch(() => false))) {
      if (performance.now() > end) throw new Error(`not within ${READY_LIMIT_MS} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
  }
}

function transportSocket({ caFile, certFile, keyFile, name }: EnvoyTls): object {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      sni: name,
      common_tls_context: {
        tls_certificates: [{ certificate_chain: { filename: certFile }, private_key: { filename: keyFile } }],
        validation_context: {
          trusted_ca: { filename: caFile },
          match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: name } }],
        },
      },
    },
  };
}

function bootstrap(options: {
  readonly port: number;
  readonly adminPort: number;
  readonly xdsPort: number;
  readonly form: AdsForm;
  readonly zone: string;
  readonly tls: EnvoyTls | undefined;
}): object {
  const ads = { ads: {}, resource_api_version: "V3" };
  const at = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  const typed = (type: string, fields: object = {}) => ({
    "@type": `type.googleapis.com/${type}`,
    ...fields,
  });
  return {
    node: { id: "envoy", cluster: "test", locality: { region: "r", zone: options.zone } },
    admin: { address: at(options.adminPort) },
    cluster_manager: {
      load_stats_config: {
        api_type: "GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "control-plane" } }],
      },
    },
    dynamic_resources: {
      cds_config: ads,
      ads_config: {
        api_type: options.form,
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "control-plane" } }],
      },
    },
    static_resources: {
      clusters: [
        {
          name: "control-plane",
          type: "STATIC",
          ...(options.tls === undefined ? {} : { transport_socket: transportSocket(options.tls) }),
          connect_timeout: "1s",
          typed_extension_protocol_options: {
            [HTTP2_OPTIONS]: typed(HTTP2_OPTIONS, { explicit_http_config: { http2_protocol_options: {} } }),
          },
          load_assignment: {
            cluster_name: "control-plane",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: at(options.xdsPort) } }] }],
          },
        },
      ],
      listeners: [
        {
          name: "in",
          address: at(options.port),
          filter_chains: [
            {
              filters: [
                {
                  name: "http",
                  typed_config: typed(HCM, {
                    stat_prefix: "in",
                    codec_type: "HTTP2",
                    rds: { route_config_name: "isobar", config_source: ads },
                    http_filters: [{ name: "router", typed_config: typed(ROUTER) }],
                  }),
                },
              ],
            },
          ],
        },
      ],
    },
  };
}
