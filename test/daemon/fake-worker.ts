import type { AddressInfo, Server } from "node:net";
import { createServer } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { currentThreadId } from "../../src/daemon/thread-processor.ts";
import { WorkerLoads } from "../../src/daemon/worker-loads.ts";
import type { MainToWorker, WorkerStart, WorkerToMain } from "../../src/daemon/worker-messages.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { WorkerColumn, WorkerCounters } from "../../src/telemetry/worker-counters.ts";

/**
 * A data-plane thread without a data plane: it opens the listeners and answers each connection with what it was told
 * so far, one line per cluster, then closes it. `die` in a cluster's name makes it throw. Its heart beats as a real one's
 * does, also while it drains: a thread that does not beat is ended as one that hangs.
 */
const start = workerData as WorkerStart;
const row = new WorkerCounters(start.workerCount, start.workerCounters).row(start.workerIndex);
new WorkerLoads(start.workerCount, start.loads).runsAs(start.workerIndex, currentThreadId());
setInterval(() => {
  row[WorkerColumn.heartbeatMs] = Date.now();
}, 250);

const clusters = new Map<number, string>();
let complete = false;

function tell(message: WorkerToMain): void {
  parentPort!.postMessage(message);
}

const servers: Server[] = [];
for (const { name, address } of start.listeners) {
  const [host, port] = address.split(":") as [string, string];
  const server = createServer((socket) =>
    socket.end(`${[...clusters.values()].sort().join("\n")}\ncomplete=${complete}\n`),
  );
  server.on("error", (error) => tell({ kind: "listen-failed", name, error: error.message }));
  server.listen(Number(port), host, () => {
    const bound = server.address() as AddressInfo;
    tell({ kind: "listening", name, address: bound.address, port: bound.port });
  });
  servers.push(server);
}

parentPort!.on("message", (message: MainToWorker) => {
  switch (message.kind) {
    case "cluster": {
      const snapshot = new ClusterSnapshot(message.snapshot);
      if (snapshot.name === "die") throw new Error("told to die");
      const endpoints = Array.from(
        { length: snapshot.count },
        (_, i) => `${snapshot.addressAt(i)}:${snapshot.portAt(i)}`,
      );
      clusters.set(
        snapshot.clusterSlot,
        `${snapshot.name} ${snapshot.settings.loadBalancing.policy} ${endpoints.join(",")}`,
      );
      break;
    }
    case "cluster-removed":
      clusters.delete(message.clusterSlot);
      tell({ kind: "epoch", endpointSlots: [], clusterSlots: [message.clusterSlot] });
      break;
    case "snapshot-complete":
      complete = true;
      tell({ kind: "serving" });
      break;
    case "drain":
      // A stream named "stuck" never ends.
      for (const server of servers) server.close();
      if ([...clusters.values()].some((line) => line.startsWith("stuck "))) return;
      tell({ kind: "drained", cutOff: 0 });
      break;
    case "access-log":
      tell({ kind: "log", level: "debug", message: "access log", fields: { enabled: message.enabled } });
      break;
  }
});
