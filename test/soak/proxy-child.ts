import { setTimeout as sleep } from "node:timers/promises";
import { Slab } from "../../src/base/slab.ts";
import { SocketTransport } from "../../src/net/socket-transport.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { GRPC_STATUS_NAMES } from "../../src/telemetry/grpc-status-name.ts";
import { requestCell } from "../../src/telemetry/request-cell.ts";
import { RESPONSE_FLAG_CODES } from "../../src/telemetry/response-flag.ts";
import { WorkerColumn } from "../../src/telemetry/worker-counters.ts";
import { ECHO, LocalProxy } from "../proxy/fixture/local-proxy.ts";
import { until } from "../proxy/fixture/until.ts";
import { serveParent } from "./soak-child.ts";
import type { Residue } from "./soak-message.ts";

const SLAB_OCTETS = 64 * 2 ** 20;

/** One in so many kept writes is hit by the fault. */
const EARLY_EVERY = 50;

let writes = 0;
let keptWrites = 0;

/** With the argument `recycle-early` some blocks are free again before the kernel has taken them: a fault to be found. */
const faulty = process.argv.includes("recycle-early");

const early = new Set<number>();
let slab: Slab | undefined;
const { alloc, free } = Slab.prototype;
Slab.prototype.alloc = function (octets) {
  slab = this;
  return alloc.call(this, octets);
};
Slab.prototype.free = function (block) {
  if (!early.delete(block)) free.call(this, block);
};

/** Frees a block now and takes its owner's own call for done. */
function recycle(block: number): void {
  if (early.has(block)) return;
  free.call(slab!, block);
  early.add(block);
}

const { write } = SocketTransport.prototype;
SocketTransport.prototype.write = function (offset, length) {
  const done = write.call(this, offset, length);
  writes++;
  if (!done) keptWrites++;
  if (!done && faulty && keptWrites % EARLY_EVERY === 0) recycle(offset);
  return done;
};

const proxy = await LocalProxy.start({ slabOctets: SLAB_OCTETS, poison: !faulty });

function finished(): number {
  let sum = 0;
  for (let status = 0; status < GRPC_STATUS_NAMES.length; status++) {
    for (let flag = 0; flag < RESPONSE_FLAG_CODES.length; flag++) {
      const cell = requestCell(status, flag);
      sum +=
        proxy.row()[ClusterColumn.requests + cell]! +
        proxy.worker.row(0)[WorkerColumn.unroutedRequests + cell]!;
    }
  }
  return sum;
}

function resources(): string {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts]
    .sort()
    .map(([kind, count]) => `${kind} × ${count}`)
    .join(", ");
}

async function measure(): Promise<Residue> {
  const { gc } = globalThis as unknown as { gc(): void };
  for (let i = 0; i < 4; i++) {
    gc();
    await sleep(20);
  }
  return {
    heapOctets: process.memoryUsage().heapUsed,
    resources: resources(),
    slabOctets: proxy.slabUsedOctets,
    streams: proxy.dataPlane.streams,
    connections: proxy.dataPlane.downstreamConnections + proxy.row()[ClusterColumn.upstreamConnections]!,
    inFlight:
      proxy.inFlight + proxy.row()[ClusterColumn.streamsActive]! + proxy.row()[ClusterColumn.streamsQueued]!,
    grownWindowOctets: proxy.dataPlane.grownWindowOctets,
    started: proxy.worker.row(0)[WorkerColumn.streamsStarted]!,
    finished: finished(),
    writes,
    keptWrites,
  };
}

/** Waits until the clients have gone, and takes the endpoints away, so that nothing of them is left. */
async function quiesce(): Promise<string> {
  try {
    await proxy.settled();
    await until("client connections gone", () => proxy.dataPlane.downstreamConnections === 0);
    proxy.apply([]);
    await until("endpoint connections gone", () => proxy.row()[ClusterColumn.upstreamConnections] === 0);
    // Timers of what was reset last, and sockets that linger.
    await sleep(1500);
    return "";
  } catch (error) {
    return String(error);
  }
}

serveParent((request) => {
  if (request.ask === "apply") {
    proxy.apply([...request.ports]);
    return proxy.port;
  }
  if (request.ask === "quiesce") return quiesce();
  if (request.ask === "measure") return measure();
  throw new Error(`the proxy is asked for ${request.ask} of ${ECHO}`);
});
