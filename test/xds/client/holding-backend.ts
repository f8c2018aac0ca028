import type { handleServerStreamingCall } from "@grpc/grpc-js";
import { Client, credentials, Server, ServerCredentials } from "@grpc/grpc-js";

const same = (octets: Buffer): Buffer => octets;
const PATH = "/test.Hold/Hold";

/** A gRPC server whose calls stay open until their callers end them. */
export class HoldingBackend {
  port = 0;
  open = 0;
  readonly #server = new Server();

  static async start(): Promise<HoldingBackend> {
    const backend = new HoldingBackend();
    const hold: handleServerStreamingCall<Buffer, Buffer> = (call) => {
      backend.open++;
      call.write(Buffer.from("begun"));
      call.on("cancelled", () => backend.open--);
    };
    const method = {
      path: PATH,
      requestStream: false,
      responseStream: true,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    } as const;
    backend.#server.addService({ hold: method }, { hold });
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

/** Calls that stay open. */
export class HeldCalls {
  readonly #client: Client;
  readonly #calls: { cancel(): void }[] = [];

  constructor(address: string, authority: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.default_authority": authority,
      "grpc.enable_http_proxy": 0,
    });
  }

  /** @returns when each of them has been answered for the first time. */
  async begin(count: number): Promise<void> {
    const begun = Array.from({ length: count }, () => {
      const call = this.#client.makeServerStreamRequest<Buffer, Buffer>(PATH, same, same, Buffer.from("x"), {
        deadline: Date.now() + 60_000,
      });
      this.#calls.push(call);
      return new Promise<void>((resolve, reject) => {
        call.once("data", () => resolve());
        call.on("error", reject);
      });
    });
    await Promise.all(begun);
  }

  close(): void {
    for (const call of this.#calls.splice(0)) call.cancel();
    this.#client.close();
  }
}
