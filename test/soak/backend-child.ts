import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { constants, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "../../src/base/random.ts";
import { firstForeignOctet, keyedBody } from "../support/keyed-body.ts";
import { keyedText } from "./keyed-text.ts";
import { serveParent } from "./soak-child.ts";

const PIECE_OCTETS = 16_384;
const MAX_FOREIGN = 20;

const random = new SeededRandom(Number(process.argv[2] ?? 1));
const ends: Record<string, number> = {};
const foreign: string[] = [];
let octets = 0;
const sessions = new Set<ServerHttp2Session>();

function count(end: string): void {
  ends[end] = (ends[end] ?? 0) + 1;
}

function complain(what: string): void {
  if (foreign.length < MAX_FOREIGN) foreign.push(`endpoint: ${what}`);
}

/** One endpoint: checks every octet of request and headers, answers with octets made from the same key. */
async function endpoint(port = 0): Promise<Http2Server> {
  const server = createServer({ streamResetBurst: 1e6, streamResetRate: 1e6 } as object);
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => {});
  });
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const key = Number(headers["x-key"]);
    const value = String(headers["x-value"]);
    if (value !== keyedText(key, value.length)) complain(`header value of stream ${key}`);
    let at = 0;
    let sound = true;
    stream.on("error", () => count("error"));
    stream.on("data", (chunk: Buffer) => {
      octets += chunk.length;
      const wrong = sound ? firstForeignOctet(key, chunk, at) : -1;
      if (wrong >= 0) complain(`octet ${wrong} of the request of stream ${key}`);
      sound &&= wrong < 0;
      at += chunk.length;
    });
    stream.on("end", () => {
      // node:http2 ends a stream's input when it is reset too.
      if (stream.aborted || stream.destroyed) return count("aborted");
      if (at !== Number(headers["x-octets"]))
        complain(`${at} of ${headers["x-octets"]} octets of stream ${key}`);
      void answer(stream, key, String(headers["x-act"]), Number(headers["x-answer"]));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return server;
}

async function answer(stream: ServerHttp2Stream, key: number, act: string, size: number): Promise<void> {
  if (act === "reset") return stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  if (act === "sleep") await sleep(40);
  if (stream.destroyed) return count("gone");
  const response = { ":status": 200, "content-type": "application/grpc", "x-value": keyedText(key + 1, 40) };
  stream.respond(response, { waitForTrailers: true });
  stream.on("wantTrailers", () => {
    if (!stream.destroyed) stream.sendTrailers({ "grpc-status": "0", "x-trailer": keyedText(key + 2, 60) });
  });
  for (let at = 0; at < size && !stream.destroyed; ) {
    const piece = Math.min(size - at, 1 + random.nextInt(PIECE_OCTETS));
    const more = stream.write(keyedBody(key + 1, piece, at));
    at += piece;
    if (!more && !stream.destroyed) {
      await new Promise<void>((resolve) => {
        stream.once("drain", resolve);
        stream.once("close", resolve);
      });
    }
  }
  stream.end();
  count("answered");
}

const servers = await Promise.all([endpoint(), endpoint(), endpoint()]);
const ports = servers.map((server) => (server.address() as AddressInfo).port);

/** One endpoint says goodbye, or drops a connection. */
async function churn(draw: number): Promise<void> {
  const victims = [...sessions];
  const session = victims[draw % Math.max(1, victims.length)];
  if (session === undefined) return;
  if (draw % 3 === 0) session.close();
  else if (draw % 3 === 1) session.destroy();
  else session.socket.destroy();
}

serveParent((request) => {
  if (request.ask === "churn") return churn(request.draw).then(() => ports);
  if (request.ask === "tally") return { ends, octets, foreign };
  throw new Error(`an endpoint is asked for ${request.ask}`);
});
