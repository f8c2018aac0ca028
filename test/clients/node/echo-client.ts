import { join } from "node:path";
import type { ClientDuplexStream, ClientReadableStream, ServiceError } from "@grpc/grpc-js";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** What of EchoReply is looked at. */
export interface EchoReply {
  readonly backend: string;
  readonly index: number;
  readonly payload: Buffer;
}

/** What of EchoRequest is set. */
export interface EchoRequest {
  readonly payload?: Buffer;
  readonly callId?: string;
  readonly delayMs?: number;
  readonly replies?: number;
  readonly replySize?: number;
}

/** A method as the proto file's reader gives it. */
interface EchoMethod {
  readonly path: string;
  readonly requestSerialize: (request: EchoRequest) => Buffer;
  readonly responseDeserialize: (octets: Buffer) => EchoReply;
}

const { grpc_proxy = "" } = process.env;
const definition = loadSync(join(import.meta.dirname, "../proto/echo.proto"), { defaults: true });
const service = definition["isobar.test.Echo"] as unknown as {
  readonly Unary: EchoMethod;
  readonly ServerStream: EchoMethod;
  readonly Bidi: EchoMethod;
};

/** The Echo service over one channel of grpc-js. */
export class EchoClient {
  readonly #client: Client;
  readonly #waitForReady: boolean;

  private constructor(target: string, authority: string, waitForReady: boolean) {
    this.#waitForReady = waitForReady;
    this.#client = new Client(target, credentials.createInsecure(), {
      "grpc.default_authority": authority,
      // Machines that test may have proxies of their own, but none that is gRPC's alone.
      "grpc.enable_http_proxy": grpc_proxy === "" ? 0 : 1,
    });
  }

  /** @param target for `xds:///NAME` the control plane of GRPC_XDS_BOOTSTRAP is asked. */
  static async open(target: string, authority: string, waitForReady = false): Promise<EchoClient> {
    if (target.startsWith("xds:")) (await import("@grpc/grpc-js-xds")).register();
    return new EchoClient(target, authority, waitForReady);
  }

  /** Rejects with a ServiceError. */
  unary(request: EchoRequest, limitMs?: number): Promise<EchoReply> {
    const { path, requestSerialize, responseDeserialize } = service.Unary;
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, reply?: EchoReply): void =>
        error === null ? resolve(reply!) : reject(error);
      const options = limitMs === undefined ? {} : { deadline: Date.now() + limitMs };
      const metadata = this.#metadata;
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        done,
      );
    });
  }

  serverStream(request: EchoRequest): ClientReadableStream<EchoReply> {
    const { path, requestSerialize, responseDeserialize } = service.ServerStream;
    return this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      this.#metadata,
    );
  }

  bidi(): ClientDuplexStream<EchoRequest, EchoReply> {
    const { path, requestSerialize, responseDeserialize } = service.Bidi;
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, this.#metadata);
  }

  get #metadata(): Metadata {
    return new Metadata({ waitForReady: this.#waitForReady });
  }

  close(): void {
    this.#client.close();
  }
}
