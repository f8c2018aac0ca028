import type { handleServerStreamingCall, handleUnaryCall } from "@grpc/grpc-js";
import { Metadata, Server, ServerCredentials } from "@grpc/grpc-js";

const same = (octets: Buffer): Buffer => octets;
const shape = {
  requestStream: false,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
} as const;

/** Paths of the test's methods: one answer, and a stream that begins and stays. */
export const NAME_METHOD = "/test.Echo/Name";
export const WATCH_METHOD = "/test.Echo/Watch";

/** A real gRPC server that answers with its name, and does what a test asks for. */
export class SdkBackend {
  readonly name: string;
  port = 0;
  /** Calls that came. */
  calls = 0;
  /** Headers of the last call. */
  metadata = new Metadata();
  /** Status that calls end with; 0 answers. */
  failWith = 0;
  /** How many of the next calls fail; default all. */
  failures = Number.POSITIVE_INFINITY;
  /** How long an answer takes. */
  delayMs = 0;
  /** Text of a load report that goes with answers. */
  report = "";
  readonly #server = new Server();

  private constructor(name: string) {
    this.name = name;
  }

  /** @param port 0 for a free one. */
  static async start(
    name: string,
    port = 0,
    shown: ServerCredentials = ServerCredentials.createInsecure(),
  ): Promise<SdkBackend> {
    const backend = new SdkBackend(name);
    const answer: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
      backend.calls++;
      backend.metadata = call.metadata;
      if (backend.failWith !== 0 && backend.failures-- > 0) {
        callback({ code: backend.failWith, details: `${name} fails` });
        return;
      }
      const trailer = new Metadata();
      if (backend.report !== "") trailer.set("endpoint-load-metrics", backend.report);
      setTimeout(() => callback(null, Buffer.from(name), trailer), backend.delayMs);
    };
    const watch: handleServerStreamingCall<Buffer, Buffer> = (call) => {
      backend.calls++;
      setTimeout(() => call.write(Buffer.from(name)), backend.delayMs);
    };
    backend.#server.addService(
      {
        name: { path: NAME_METHOD, responseStream: false, ...shape },
        watch: { path: WATCH_METHOD, responseStream: true, ...shape },
      },
      { name: answer, watch },
    );
    backend.port = await new Promise<number>((resolve, reject) => {
      backend.#server.bindAsync(`127.0.0.1:${port}`, shown, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return backend;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Ends it. @returns a port where nobody listens now. */
  stopAndGivePort(): number {
    this.stop();
    return this.port;
  }

  stop(): void {
    this.#server.forceShutdown();
  }
}
