import type { handleUnaryCall } from "@grpc/grpc-js";
import { Client, credentials, Metadata, Server, ServerCredentials } from "@grpc/grpc-js";

const same = (octets: Buffer): Buffer => octets;
const PATH = "/test.Echo/Name";

/** A gRPC server that answers every call with its name. */
export class EchoBackend {
  port = 0;
  /** Metadata of the calls that came. */
  readonly seen: Metadata[] = [];
  readonly #server = new Server();

  /** @param host an address of this machine. @param port 0: any that is free. @param security default: clear text. */
  static async start(
    name: string,
    host = "127.0.0.1",
    port = 0,
    security = ServerCredentials.createInsecure(),
  ): Promise<EchoBackend> {
    const backend = new EchoBackend();
    const answer: handleUnaryCall<Buffer, Buffer> = ({ metadata }, callback) => {
      backend.seen.push(metadata);
      callback(null, Buffer.from(name));
    };
    const method = {
      path: PATH,
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    } as const;
    backend.#server.addService({ name: method }, { name: answer });
    backend.port = await new Promise<number>((resolve, reject) => {
      backend.#server.bindAsync(`${host}:${port}`, security, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return backend;
  }

  /** Takes nothing new, and ends when what it has is answered. */
  drain(): Promise<void> {
    return new Promise((resolve) => this.#server.tryShutdown(() => resolve()));
  }

  stop(): void {
    this.#server.forceShutdown();
  }
}

/** What a call came to: the answer, or the status. */
export interface Called {
  readonly name: string;
  readonly code: number;
  readonly details: string;
}

/** Calls through a proxy, for one authority. */
export class EchoCaller {
  readonly #client: Client;

  constructor(proxyAddress: string, authority: string) {
    this.#client = new Client(proxyAddress, credentials.createInsecure(), {
      "grpc.default_authority": authority,
      "grpc.enable_retries": 0,
      "grpc.enable_http_proxy": 0,
    });
  }

  call(deadlineMs = 20_000, headers: Readonly<Record<string, string>> = {}): Promise<Called> {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        PATH,
        same,
        same,
        Buffer.from("hello"),
        metadata,
        { deadline: Date.now() + deadlineMs },
        (error, answer) =>
          resolve(
            error === null
              ? { name: answer!.toString(), code: 0, details: "" }
              : { name: "", code: error.code, details: error.details },
          ),
      );
    });
  }

  /** @returns how many of the calls each backend answered; failures under their code. */
  async spread(calls: number): Promise<Record<string, number>> {
    const names: Record<string, number> = {};
    for (let i = 0; i < calls; i++) {
      const { name, code } = await this.call();
      const key = name || `code ${code}`;
      names[key] = (names[key] ?? 0) + 1;
    }
    return names;
  }

  close(): void {
    this.#client.close();
  }
}
