/**
 * A small proxy, run in the network of a node, that does what capture sees of one: writes its files, answers canaries through a way of its own, and
 * answers each line of other connections with `GENERATION ADDRESS`. Arguments: run folder, generation, workers, plan (JSON). Commands from
 * standard input: `ready BOOL`, `draining BOOL`, `hang WORKER`, `work`, `plan JSON`.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer as createHttp2Server } from "node:http2";
import type { Socket } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [runDir = "", generation = "", workerCount = "1", firstPlan = "{}"] = process.argv.slice(2);
const workers = Number(workerCount);
const folder = join(runDir, generation);
const startedMs = Date.now();
const state = { ready: true, draining: false, hung: -1, port: 0 };
let turn = 0;

/** Canaries go on to the echo server, as a request to an endpoint does. */
const canaries = createHttp2Server();
canaries.on("session", (session) => {
  const worker = turn++ % workers;
  session.on("error", () => {});
  session.on("stream", (stream, headers) => {
    // Also one that is never answered: capture ends its connection.
    stream.on("error", () => {});
    if (worker === state.hung) return;
    const { echoPort } = JSON.parse(readFileSync(join(runDir, "capture.json"), "utf8")) as {
      echoPort: number;
    };
    const upstream = connect(`http://127.0.0.1:${echoPort}`);
    upstream.on("error", () => stream.close());
    const request = upstream.request({
      ":method": "POST",
      ":path": headers[":path"] ?? "/",
      te: "trailers",
      "content-type": "application/grpc",
      "x-isobar-nonce": headers["x-isobar-nonce"] ?? "",
      "x-isobar-worker": String(worker),
    });
    request.on("error", () => stream.close());
    stream.on("error", () => request.close());
    stream.resume();
    let trailers = {};
    request.on("trailers", (fields) => {
      trailers = { "grpc-status": fields["grpc-status"] };
    });
    request.on("response", (answer) => {
      if (stream.destroyed) return;
      const { "x-isobar-nonce": nonce = "", "x-isobar-worker": by = "" } = answer;
      stream.respond(
        {
          ":status": 200,
          "content-type": "application/grpc",
          "x-isobar-nonce": nonce,
          "x-isobar-worker": by,
        },
        { waitForTrailers: true },
      );
    });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    request.on("data", (chunk: Buffer) => stream.write(chunk));
    request.on("end", () => {
      stream.end();
      upstream.close();
    });
    request.end(Buffer.alloc(5));
  });
});

function write(name: string, content: unknown): void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(`${path}.next`, JSON.stringify(content));
  renameSync(`${path}.next`, path);
}

function writeState(): void {
  const { port, ready, draining } = state;
  const told = { generation, startedMs, pid: process.pid, port, workers, ready, draining };
  write("generation.json", { format: 1, ...told, writtenMs: Date.now() });
}

function serve(socket: Socket): void {
  const address = (socket.localAddress ?? "").replace("::ffff:", "");
  socket.on("error", () => {});
  if (address.endsWith("255.2") || address.endsWith("ff02")) {
    canaries.emit("connection", socket);
    return;
  }
  socket.on("data", () => socket.write(`${generation} ${address}\n`));
}

const server = createServer(serve).listen(0, "::", () => {
  const address = server.address();
  state.port = typeof address === "object" && address !== null ? address.port : 0;
  write("plan.json", { format: 1, generation, version: "1", ...JSON.parse(firstPlan) });
  writeState();
  setInterval(writeState, 500);
  console.log(`port ${state.port}`);
});

createInterface({ input: process.stdin }).on("line", (line) => {
  const space = line.indexOf(" ");
  const [command, value] = space < 0 ? [line, ""] : [line.slice(0, space), line.slice(space + 1)];
  if (command === "ready") state.ready = value === "true";
  else if (command === "draining") state.draining = value === "true";
  else if (command === "hang") state.hung = Number(value);
  else if (command === "work") state.hung = -1;
  else if (command === "plan") write("plan.json", { format: 1, generation, ...JSON.parse(value) });
  writeState();
  console.log(`done ${line.slice(0, 20)}`);
});
process.on("SIGTERM", () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
});
