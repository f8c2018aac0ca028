import { RouteServer } from "../admin/route-server.ts";
import type { SocketAddress } from "../config/socket-address.ts";
import { formatSocketAddress } from "../config/socket-address.ts";
import type { ServiceSource } from "../resource/service-source.ts";
import type { Log } from "../telemetry/log.ts";
import { ResourceCache } from "../xds/cache/resource-cache.ts";
import { AdsServer } from "../xds/server/ads-server.ts";
import { ControlPlaneEvents } from "./control-plane-events.ts";
import type { ControlPlaneView } from "./control-plane-routes.ts";
import { CONTROL_PLANE_ROUTES } from "./control-plane-routes.ts";

/** What a {@link ControlPlane} is made of. */
export interface ControlPlaneOptions {
  readonly source: ServiceSource;
  /** Where xDS is served. */
  readonly address: SocketAddress & { readonly kind: "ip" };
  readonly adminAddress: SocketAddress;
  readonly log: Log;
}

/** Services of a source, served over xDS: source → cache → streams. */
export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #cache = new ResourceCache();
  readonly #events: ControlPlaneEvents;
  readonly #server: AdsServer;
  readonly #admin: RouteServer<ControlPlaneView>;
  #port = 0;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    this.#events = new ControlPlaneEvents(options.log);
    this.#server = new AdsServer({
      source: this.#cache,
      events: this.#events,
      onFault: (peer, error) => this.#events.fault(peer, error),
    });
    this.#admin = new RouteServer<ControlPlaneView>(
      {
        notReadyReason: () => this.#notReadyReason(),
        stats: () => this.#stats(),
        clients: (node) => {
          const clients = this.#server.status();
          return node === undefined ? clients : clients.filter(({ nodeId }) => nodeId === node);
        },
      },
      CONTROL_PLANE_ROUTES,
    );
  }

  /**
   * Opens the ports and starts the source. Streams are accepted before all is known, and answered afterwards.
   *
   * @returns the ports as bound; the admin server's is 0 for a unix socket.
   * @throws what the source throws, or an error whose `address` says what could not be bound.
   */
  async start(): Promise<{ readonly port: number; readonly adminPort: number }> {
    const { source, address, adminAddress } = this.#options;
    await source.start(this.#cache);
    const adminPort = await this.#admin.listen(adminAddress).catch(withAddress(adminAddress));
    this.#port = await this.#server.listen(formatSocketAddress(address)).catch(withAddress(address));
    return { port: this.#port, adminPort };
  }

  async close(): Promise<void> {
    this.#server.close();
    await this.#options.source.close();
    await this.#admin.close().catch(() => {});
  }

  #notReadyReason(): string | undefined {
    if (!this.#cache.isSynced) return "waiting for all services to be known";
    return this.#port === 0 ? "the port is not open yet" : undefined;
  }

  #stats(): Record<string, number> {
    const { serviceCount, endpointCount } = this.#cache;
    const stats: Record<string, number> = { services: serviceCount, endpoints: endpointCount };
    for (const { kind, transport } of this.#server.streams) {
      const name = `streams.${kind}.${transport}`;
      stats[name] = (stats[name] ?? 0) + 1;
    }
    for (const [type, tally] of this.#events.tallies) {
      const name = type.slice(type.lastIndexOf(".") + 1);
      for (const [key, value] of Object.entries(tally)) stats[`${name}.${key}`] = value as number;
    }
    stats["unknown_types"] = this.#events.unknownTypes;
    stats["faults"] = this.#events.faults;
    return stats;
  }
}

/** An address could not be bound. */
export class AddressError extends Error {
  override readonly name = "AddressError";
  readonly address: SocketAddress;

  constructor(address: SocketAddress, cause: unknown) {
    super(`${formatSocketAddress(address)} cannot be bound: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.address = address;
  }
}

function withAddress(address: SocketAddress): (error: unknown) => never {
  return (error) => {
    throw new AddressError(address, error);
  };
}
