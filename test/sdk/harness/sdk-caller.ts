import type {
  ChannelCredentials,
  ChannelOptions,
  ClientReadableStream,
  Metadata as MetadataType,
} from "@grpc/grpc-js";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { NAME_METHOD, WATCH_METHOD } from "./sdk-backend.ts";

const same = (octets: Buffer): Buffer => octets;
const DEADLINE_MS = 20_000;

/** What a call came to: the answer, or the status. */
export interface Called {
  readonly name: string;
  readonly code: number;
  readonly details: string;
}

/** A program's channel to a target. */
export class SdkCaller {
  readonly #client: Client;

  constructor(
    target: string,
    options: ChannelOptions = {},
    shown: ChannelCredentials = credentials.createInsecure(),
  ) {
    this.#client = new Client(target, shown, {
      "grpc.enable_http_proxy": 0,
      ...options,
    });
  }

  call(metadata: MetadataType = new Metadata(), deadlineMs: number = DEADLINE_MS): Promise<Called> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        NAME_METHOD,
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

  /** Makes the channel find out where it goes. */
  connect(): void {
    this.#client.getChannel().getConnectivityState(true);
  }

  /** Opens a stream. @returns it, when its first message is there. */
  watch(): Promise<ClientReadableStream<Buffer>> {
    const stream = this.#client.makeServerStreamRequest(WATCH_METHOD, same, same, Buffer.alloc(0));
    return new Promise((resolve, reject) => {
      stream.once("data", () => resolve(stream));
      stream.on("error", reject);
    });
  }

  /** @returns how many of the calls each backend answered, one after the other; failures under their code. */
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
