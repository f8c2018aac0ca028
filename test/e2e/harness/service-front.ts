import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect, createServer } from "node:net";

/**
 * One address for several processes, as a Service of Kubernetes is for its Pods: each connection goes to one of them, and to another where
 * nobody listens.
 */
export class ServiceFront {
  port = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #next = 0;

  private constructor(ports: readonly number[]) {
    this.#server = createServer((client) => this.#serve(client, ports));
  }

  static async start(ports: readonly number[]): Promise<ServiceFront> {
    const front = new ServiceFront(ports);
    front.#server.listen(0, "127.0.0.1");
    await once(front.#server, "listening");
    front.port = (front.#server.address() as AddressInfo).port;
    return front;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(client: Socket, ports: readonly number[]): void {
    this.#keep(client);
    const first = this.#next++;
    const attempt = (tries: number): void => {
      if (tries === ports.length) return void client.destroy();
      const server = this.#keep(connect(ports[(first + tries) % ports.length]!, "127.0.0.1"));
      server.once("connect", () => {
        client.pipe(server).pipe(client);
        server.once("close", () => client.destroy());
        client.once("close", () => server.destroy());
      });
      server.once("error", () => {
        if (server.connecting || server.bytesRead + server.bytesWritten === 0) attempt(tries + 1);
      });
    };
    attempt(0);
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {}).once("close", () => this.#sockets.delete(socket));
    return socket;
  }
}
