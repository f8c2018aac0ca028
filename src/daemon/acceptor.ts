import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { MessagePort } from "node:worker_threads";
import { parentPort, workerData } from "node:worker_threads";
import { parseSocketAddress } from "../config/socket-address.ts";
import { CAPTURE_LISTENER } from "../proxy/callers/capture-listener.ts";
import { AnyIp, CANARY_NUMBER } from "../resource/any-ip.ts";
import type { AcceptorStart, AcceptorToMain, AcceptorToWorker, MainToAcceptor } from "./acceptor-messages.ts";
import { probeHandOver } from "./hand-over-probe.ts";
import { LISTEN_BACKLOG } from "./listen-backlog.ts";
import { currentThreadId } from "./thread-processor.ts";
import { WorkerLoads } from "./worker-loads.ts";

const HEARTBEAT_MS = 250;
/** Clients that wait while no worker serves, which is a fraction of a second; further ones are turned away. */
const MAX_WAITING = 4_096;

// The thread that accepts for several workers. It reads nothing from a client: the paused socket goes to the worker with
// the fewest connections, with whatever its client has already sent.

const start = workerData as AcceptorStart;
const main = parentPort;
if (main === null) throw new Error("acceptor.ts runs as a worker thread only");

const say = (message: AcceptorToMain): void => main.postMessage(message);
const loads = new WorkerLoads(start.workerCount, start.loads);
const beats = new Int32Array(start.beat);
beats[1] = currentThreadId();
const ports = new Map<number, MessagePort>();
const servers: Server[] = [];
let canaries: AnyIp | undefined;
let turn = 0;
let waiting: { readonly socket: Socket; readonly listener: number }[] = [];

function send(worker: number, message: AcceptorToWorker, socket: Socket): void {
  ports.get(worker)!.postMessage(message, [socket]);
}

/** Canaries go to the workers in turn, whatever these have to do: each is to show that it lives. */
function isCanary(socket: Socket, listener: number): boolean {
  const { anyIp, listeners } = start;
  if (anyIp === undefined || listeners[listener]!.name !== CAPTURE_LISTENER) return false;
  canaries ??= new AnyIp(anyIp);
  return canaries.numberOf(socket.localAddress ?? "") === CANARY_NUMBER;
}

function nextInTurn(): number {
  const workers = [...ports.keys()];
  return workers.length === 0 ? -1 : workers[turn++ % workers.length]!;
}

function accept(socket: Socket, listener: number): void {
  const worker = isCanary(socket, listener) ? nextInTurn() : loads.least(ports.keys());
  if (worker < 0) {
    if (waiting.length < MAX_WAITING) waiting.push({ socket, listener });
    else socket.destroy();
    return;
  }
  try {
    send(worker, { kind: "connection", socket, listener }, socket);
    loads.handedOver(worker);
  } catch {
    // The client has gone again before its turn: there is no handle left to send.
    socket.destroy();
  }
}

function listen(listener: number): void {
  const { name, address } = start.listeners[listener]!;
  const unixFd = start.unixFds[listener]!;
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
  server.on("connection", (socket) => accept(socket, listener));
  server.on("error", (error) => {
    if (!server.listening) say({ kind: "listen-failed", name, error: error.message });
    else say({ kind: "log", level: "warn", message: "accept failed", fields: { error: error.message } });
  });
  const parsed = parseSocketAddress(address)!;
  server.on("listening", () => {
    const bound = server.address();
    if ("path" in parsed) say({ kind: "listening", name, address: parsed.path, port: 0 });
    else if (typeof bound === "object" && bound !== null)
      say({ kind: "listening", name, address: bound.address, port: bound.port });
  });
  servers.push(server);
  if (unixFd < 0) server.listen({ ...parsed, backlog: LISTEN_BACKLOG });
  else void listenOnUnix(server, unixFd, name);
}

async function listenOnUnix(server: Server, fd: number, name: string): Promise<void> {
  try {
    const { listenOnUnixFd } = await import("../net/unix-listener.ts");
    await listenOnUnixFd(server, fd, LISTEN_BACKLOG);
  } catch (error) {
    say({ kind: "listen-failed", name, error: String(error) });
  }
}

async function open(): Promise<void> {
  const [worker] = ports.keys();
  const error =
    worker === undefined
      ? "no worker serves"
      : await probeHandOver((socket) => send(worker, { kind: "probe", socket }, socket));
  say({ kind: "hand-over-tested", error });
  if (error === "") for (const listener of start.listeners.keys()) listen(listener);
}

function addWorker(worker: number, port: MessagePort, isNew: boolean): void {
  ports.set(worker, port);
  if (isNew) loads.startAfresh(worker);
  const late = waiting;
  waiting = [];
  for (const { socket, listener } of late) accept(socket, listener);
}

function close(): void {
  for (const [i, server] of servers.entries())
    if (start.listeners[i]!.name !== CAPTURE_LISTENER) server.close();
  for (const port of ports.values()) port.postMessage({ kind: "closed" } satisfies AcceptorToWorker);
}

main.on("message", (message: MainToAcceptor) => {
  switch (message.kind) {
    case "worker":
      return addWorker(message.worker, message.port, message.isNew);
    case "worker-gone":
      ports.get(message.worker)?.close();
      ports.delete(message.worker);
      return;
    case "listen":
      return void open();
    case "close":
      return close();
  }
});

setInterval(() => {
  beats[0]!++;
}, HEARTBEAT_MS);
