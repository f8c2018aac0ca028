import type { Socket } from "node:net";
import { connect } from "node:net";
import { Channel } from "./channel.ts";
import { Flag, FrameType, PREFACE, writeFields, writeFrame } from "./frames.ts";

/** How one canary went. */
export type CanaryResult =
  /** It came back, answered by this worker. */
  | { readonly kind: "answered"; readonly worker: number }
  /** Nobody listens at the port: the process is gone, or its worker is being replaced. */
  | { readonly kind: "refused" }
  | { readonly kind: "failed"; readonly why: string };

const LAST_STREAM = 2 ** 30;

/** A connection on which canaries go through a proxy to the echo server and back. One worker has it for its whole life. */
export class CanaryConnection {
  readonly #socket: Socket;
  #nextStream = 1;
  #closed: CanaryResult | undefined;
  #waiting: ((result: CanaryResult) => void) | undefined;
  #answer: ReadonlyMap<string, string> | undefined;
  #nonce = "";

  constructor(address: string, port: number) {
    this.#socket = connect({ host: address, port, noDelay: true });
    const channel = new Channel(this.#socket, {
      fields: (_stream, fields) => {
        if (fields.has("x-isobar-nonce")) this.#answer = fields;
        if (fields.has("grpc-status")) this.#settle(this.#judge(fields));
      },
      end: () => this.#settle({ kind: "failed", why: "the stream ended without a status" }),
    });
    this.#socket.write(PREFACE, "latin1");
    this.#socket.write(writeFrame(FrameType.settings, 0, 0, Buffer.alloc(0)));
    this.#socket.on("data", (chunk: Buffer) => channel.receive(chunk));
    this.#socket.on("error", (error: NodeJS.ErrnoException) => {
      const { code = error.message } = error;
      this.#closed = code === "ECONNREFUSED" ? { kind: "refused" } : { kind: "failed", why: code };
    });
    this.#socket.on("close", () => {
      this.#closed ??= { kind: "failed", why: "the proxy closed the connection" };
      this.#settle(this.#closed);
    });
  }

  /** Whether no further canary can be sent on it. */
  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Told when the connection ends; a proxy that crashed is known by that at once. */
  onClose(listener: () => void): void {
    this.#socket.once("close", listener);
  }

  /** Sends one canary and waits for it for so long. One at a time. */
  send(nonce: string, deadlineMs: number): Promise<CanaryResult> {
    if (this.#closed !== undefined) return Promise.resolve(this.#closed);
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#nonce = nonce;
    this.#answer = undefined;
    const { promise, resolve } = Promise.withResolvers<CanaryResult>();
    // When this process itself was late, the answer may lie in the socket: it is read before the canary is called lost.
    const timer = setTimeout(() => {
      setImmediate(() =>
        setImmediate(() => this.#settle({ kind: "failed", why: `no answer in ${deadlineMs} ms` })),
      );
    }, deadlineMs);
    this.#waiting = (result) => {
      clearTimeout(timer);
      // An answer that comes later would be taken for the next one's.
      if (result.kind !== "answered" || stream > LAST_STREAM) this.close();
      resolve(result);
    };
    this.#socket.write(request(stream, nonce));
    return promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #judge(trailers: ReadonlyMap<string, string>): CanaryResult {
    const status = trailers.get("grpc-status");
    if (status !== "0")
      return { kind: "failed", why: `grpc-status ${status}: ${trailers.get("grpc-message") ?? ""}` };
    if (this.#answer?.get("x-isobar-nonce") !== this.#nonce)
      return { kind: "failed", why: "the answer is not this canary's" };
    const worker = this.#answer.get("x-isobar-worker") ?? "";
    if (!/^\d{1,3}$/.test(worker)) return { kind: "failed", why: "no worker is named in the answer" };
    return { kind: "answered", worker: Number(worker) };
  }

  #settle(result: CanaryResult): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(result);
  }
}

function request(stream: number, nonce: string): Buffer {
  const fields = writeFields([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/isobar.Canary/Echo"],
    [":authority", "canary.isobar"],
    ["te", "trailers"],
    ["content-type", "application/grpc"],
    ["x-isobar-nonce", nonce],
  ]);
  return Buffer.concat([
    writeFrame(FrameType.headers, Flag.endHeaders, stream, fields),
    writeFrame(FrameType.data, Flag.endStream, stream, Buffer.alloc(5)),
  ]);
}
