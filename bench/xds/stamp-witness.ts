// Loaded before a program with --import: notes when octets that bear the time of a write are read and written by its main thread, whatever the program makes of
// them, and when any thread dials. witness.ts reads the notes. Neither sources nor builds know of it.
import { closeSync, openSync, writeSync } from "node:fs";
import type { ClientHttp2Session } from "node:http2";
import { Socket } from "node:net";
import { PerformanceObserver } from "node:perf_hooks";
import { Readable } from "node:stream";
import { isMainThread } from "node:worker_threads";

/** Where the notes go. */
const { ISOBAR_BENCH_WITNESS: file = "" } = process.env;
/** As LargeCluster writes it: microseconds since 1970 follow. */
const MARK = Buffer.from("stamp-");
const DIGITS = 16;
const WRITE_OUT_MS = 250;

type Push = (this: Readable, chunk: unknown, encoding?: BufferEncoding) => boolean;
type Write = (this: Socket, chunk: Buffer, encoding: BufferEncoding, done: () => void) => void;
type Chunks = readonly { readonly chunk: Buffer }[];
type WriteMany = (this: Socket, chunks: Chunks, done: () => void) => void;
type Connect = (this: Socket, ...args: unknown[]) => Socket;
type Patched = { push: Push; _write: Write; _writev: WriteMany; connect: Connect };

if (file !== "") observe(openSync(file, "a"));

function observe(descriptor: number): void {
  let lines: string[] = [];
  const writeOut = (): void => {
    if (lines.length > 0) writeSync(descriptor, lines.join(""));
    lines = [];
  };
  setInterval(writeOut, WRITE_OUT_MS).unref();
  process.on("exit", () => {
    writeOut();
    closeSync(descriptor);
  });
  const socket = Socket.prototype as unknown as Patched;
  const { connect } = socket;
  socket.connect = function (...args) {
    const [{ host = "", port = 0 } = {}] = args.flat() as { host?: string; port?: number }[];
    lines.push(`dialed ${host} ${(performance.timeOrigin + performance.now()).toFixed(3)} ${port}\n`);
    return connect.apply(this, args);
  };
  if (!isMainThread) return;
  const note = (what: string, octets: Buffer, port: () => number): void => {
    let at = octets.indexOf(MARK);
    if (at < 0) return;
    const atMs = performance.timeOrigin + performance.now();
    for (; at >= 0; at = octets.indexOf(MARK, at + MARK.length)) {
      const stamp = octets.toString("latin1", at + MARK.length, at + MARK.length + DIGITS);
      if (stamp.length === DIGITS) lines.push(`${what} ${stamp} ${atMs.toFixed(3)} ${port()}\n`);
    }
  };

  const readable = Readable.prototype as unknown as Patched;
  const { push } = readable;
  readable.push = function (chunk, encoding) {
    if (Buffer.isBuffer(chunk)) note("read", chunk, () => localPort(this));
    return push.call(this, chunk, encoding);
  };
  const { _write: write, _writev: writeMany } = socket;
  socket._write = function (chunk, encoding, done) {
    if (Buffer.isBuffer(chunk)) note("written", chunk, () => this.remotePort ?? 0);
    write.call(this, chunk, encoding, done);
  };
  socket._writev = function (chunks, done) {
    for (const { chunk } of chunks)
      if (Buffer.isBuffer(chunk)) note("written", chunk, () => this.remotePort ?? 0);
    writeMany.call(this, chunks, done);
  };
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      lines.push(`collected ${duration.toFixed(3)} ${(performance.timeOrigin + startTime).toFixed(3)} 0\n`);
  }).observe({ entryTypes: ["gc"] });
}

/** Of the connection that a stream is, or that it is part of. */
function localPort(stream: Readable): number {
  const { localPort: own, session } = stream as Partial<Socket> & { readonly session?: ClientHttp2Session };
  return own ?? session?.socket?.localPort ?? 0;
}
