import type { AddressInfo, Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import type { Placement } from "./placement.ts";

/** A backend that connections can be placed on. */
export interface SpliceTarget {
  readonly name: string;
  readonly port: number;
}

/**
 * What a ClusterIP does, without a cluster: it draws one backend for each connection when it is opened, and every octet
 * of that connection goes there until it closes. Like kube-proxy it knows neither calls nor load.
 */
export class ConnectionSplice {
  readonly #server: Server;
  readonly #placement: Placement;
  readonly #open = new Map<Socket, string>();
  #targets: readonly SpliceTarget[] = [];

  constructor(placement: Placement) {
    this.#placement = placement;
    this.#server = createServer({ noDelay: true }, (downstream) => this.#splice(downstream));
  }

  /** Opens the port. @returns its number. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, "127.0.0.1", () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Changes where new connections can go; those that are open stay where they are. */
  setTargets(targets: readonly SpliceTarget[]): void {
    this.#targets = targets;
  }

  /** @returns how many open connections each backend has; those without are absent. */
  connections(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const name of this.#open.values()) counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts;
  }

  /** Closes the port and all connections. */
  close(): void {
    this.#server.close();
    for (const downstream of this.#open.keys()) downstream.destroy();
  }

  #splice(downstream: Socket): void {
    const target = this.#targets[this.#placement.next(this.#targets.length)];
    if (target === undefined) {
      downstream.destroy();
      return;
    }
    const upstream = connect({ host: "127.0.0.1", port: target.port, noDelay: true });
    this.#open.set(downstream, target.name);
    const end = () => {
      this.#open.delete(downstream);
      downstream.destroy();
      upstream.destroy();
    };
    for (const socket of [downstream, upstream]) {
      socket.on("error", end);
      socket.on("close", end);
    }
    downstream.pipe(upstream);
    upstream.pipe(downstream);
  }
}
