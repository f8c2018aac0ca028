import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { connect, constants } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "../../src/base/random.ts";
import { ECHO } from "../proxy/fixture/local-proxy.ts";
import { firstForeignOctet, keyedBody } from "../support/keyed-body.ts";
import { keyedText } from "./keyed-text.ts";
import { serveParent } from "./soak-child.ts";
import type { Tally } from "./soak-message.ts";

const SESSIONS = 4;
const MOST_STREAMS = 12;
const MOST_OCTETS = 120_000;
/** How long after the end of the run a call may take. */
const PATIENCE_MS = 8000;
const MAX_FOREIGN = 20;

const ends: Record<string, number> = {};
const foreign: string[] = [];
let octets = 0;

function count(end: string): void {
  ends[end] = (ends[end] ?? 0) + 1;
}

function complain(what: string): void {
  if (foreign.length < MAX_FOREIGN) foreign.push(`client: ${what}`);
}

/** One call: random sizes, random ways to end; every octet that comes back is looked at. */
function call(session: ClientHttp2Session, random: SeededRandom): Promise<void> {
  const draw = random.nextInt(2 ** 30);
  const key = draw & 0x3fffffff;
  const kind = random.nextInt(20);
  const small = random.nextInt(3) > 0;
  const size = random.nextInt(small ? 300 : MOST_OCTETS);
  const wanted = random.nextInt(small ? 2000 : MOST_OCTETS);
  const act = kind === 0 ? "reset" : kind === 1 || kind === 2 ? "sleep" : "answer";
  const stream = session.request({
    ":method": "POST",
    ":path": `/soak.Echo/${kind % 5}`,
    ":authority": ECHO,
    "content-type": "application/grpc",
    te: "trailers",
    "x-key": String(key),
    "x-value": keyedText(key, 10 + (draw % 200)),
    "x-octets": String(size),
    "x-answer": String(wanted),
    "x-act": act,
    ...(kind === 2 ? { "grpc-timeout": "10m" } : {}),
  });
  send(stream, key, size, random);
  if (kind === 3 || kind === 4) {
    setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), random.nextInt(20));
  }
  return receive(session, stream, key, wanted, kind === 5 ? random.nextInt(60) : 0);
}

/** Writes the body in pieces of any length. */
function send(stream: ClientHttp2Stream, key: number, size: number, random: SeededRandom): void {
  for (let at = 0; at < size; ) {
    const piece = Math.min(size - at, 1 + random.nextInt(30_000));
    stream.write(keyedBody(key, piece, at));
    at += piece;
  }
  stream.end();
}

/** @param pauseMs how long the answer is left unread once it has begun. */
function receive(
  session: ClientHttp2Session,
  stream: ClientHttp2Stream,
  key: number,
  wanted: number,
  pauseMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    let at = 0;
    let sound = true;
    let status = -1;
    const trailers = (fields: IncomingHttpHeaders): void => {
      status = Number(fields["grpc-status"] ?? -1);
      const text = fields["x-trailer"];
      if (text !== undefined && text !== keyedText(key + 2, 60)) complain(`trailer of stream ${key}`);
    };
    stream.on("response", (headers) => {
      if (headers["grpc-status"] !== undefined) trailers(headers);
      const text = headers["x-value"];
      if (text !== undefined && text !== keyedText(key + 1, 40)) complain(`header of stream ${key}`);
      if (pauseMs === 0) return;
      stream.pause();
      setTimeout(() => stream.resume(), pauseMs);
    });
    stream.on("data", (chunk: Buffer) => {
      octets += chunk.length;
      const wrong = sound ? firstForeignOctet(key + 1, chunk, at) : -1;
      if (wrong >= 0) complain(`octet ${wrong} of the answer to stream ${key}`);
      sound &&= wrong < 0;
      at += chunk.length;
    });
    stream.on("trailers", trailers);
    stream.on("error", () => {});
    stream.on("close", () => {
      // A connection of ours that is torn down may take with it what was read from it but not looked at.
      if (status === 0 && at !== wanted && !session.destroyed)
        complain(`${at} of ${wanted} octets of the answer to stream ${key}`);
      count(status >= 0 ? `status ${status}` : `reset ${stream.rstCode}`);
      resolve();
    });
  });
}

/** One connection after the other, each with streams side by side, ended in one way or another. */
async function session(port: number, random: SeededRandom, until: number): Promise<void> {
  while (performance.now() < until) {
    const client = connect(`http://127.0.0.1:${port}`);
    client.on("error", (error: NodeJS.ErrnoException) => {
      count(`connection ${error.code ?? error.message}`);
    });
    const closed = new Promise((resolve) => client.once("close", resolve));
    const patience = setTimeout(
      () => {
        complain("calls that never ended");
        client.destroy();
      },
      until + PATIENCE_MS - performance.now(),
    );
    const lifeEnd = Math.min(until, performance.now() + 200 + random.nextInt(3000));
    const lanes = Array.from({ length: 1 + random.nextInt(MOST_STREAMS) }, async () => {
      while (performance.now() < lifeEnd && !client.destroyed && !client.closed) {
        await call(client, random);
        if (random.nextInt(8) === 0) await sleep(random.nextInt(20));
      }
    });
    const end = random.nextInt(3);
    if (end === 0) {
      // In the middle of everything.
      await sleep(Math.max(0, lifeEnd - performance.now() - 50));
      if (random.nextInt(2) === 0) client.destroy();
      else client.socket?.destroy();
    }
    await Promise.all(lanes);
    client.close();
    await closed;
    clearTimeout(patience);
  }
}

serveParent(async (request): Promise<Tally | string> => {
  if (request.ask !== "run") throw new Error(`a client is asked for ${request.ask}`);
  const until = performance.now() + request.milliseconds;
  await Promise.all(
    Array.from({ length: SESSIONS }, (_, i) =>
      session(request.port, new SeededRandom(request.seed + i), until),
    ),
  );
  return { ends, octets, foreign };
});
