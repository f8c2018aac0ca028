// Endpoints that attack: one port for each behaviour, in a process of its own, which tells its parent what was done. It ends
// with its parent.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { BEHAVIOURS } from "./behaviours.ts";
import type { Behaviour, HostileTally } from "./hostile-connection.ts";
import { HostileConnection } from "./hostile-connection.ts";

const TICK_MS = 4;
const DEFAULT_FRAMES_PER_SECOND = 20_000;

interface Hostile {
  readonly behaviour: Behaviour;
  readonly tally: HostileTally;
  connections: HostileConnection[];
  due: number;
}

const ports: Record<string, number> = {};
const all: Record<string, Hostile> = {};

for (const [name, behaviour] of Object.entries(BEHAVIOURS) as [string, Behaviour][]) {
  const tally: HostileTally = { connections: 0, frames: 0, streams: 0, resets: 0, goaways: {} };
  const hostile: Hostile = { behaviour, tally, connections: [], due: 0 };
  all[name] = hostile;
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = new HostileConnection(socket, behaviour, tally);
    hostile.connections.push(connection);
    socket.on("close", () => {
      hostile.connections = hostile.connections.filter((each) => each !== connection);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ports[name] = (server.address() as AddressInfo).port;
}

/** Behaviours attack only while someone is told to use them, so that one does not disturb the measuring of another. */
let active = "";
let lastMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  const passedMs = nowMs - lastMs;
  lastMs = nowMs;
  const hostile = all[active];
  if (hostile?.behaviour.tick === undefined) return;
  const ready = hostile.connections.filter(({ hasRoom }) => hasRoom);
  if (ready.length === 0) return;
  hostile.due += (passedMs / 1000) * (hostile.behaviour.framesPerSecond ?? DEFAULT_FRAMES_PER_SECOND);
  const each = Math.floor(hostile.due / ready.length);
  hostile.due -= each * ready.length;
  if (each > 0) for (const connection of ready) hostile.behaviour.tick(connection, each);
}, TICK_MS);

process.on("message", (order: { readonly active: string }) => {
  active = order.active;
  const tallies = Object.entries(all).map(([name, { tally }]) => [name, tally]);
  process.send!(Object.fromEntries(tallies));
});
process.on("disconnect", () => process.exit());
process.send!(ports);
