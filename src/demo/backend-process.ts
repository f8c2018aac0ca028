// A backend of the demo, in a process of its own. Both ways reach it, each through a port and a worker pool of its own:
// a queue that one way builds up must not slow down the other.

import type { ServerDuplexStream, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { SeededRandom } from "../base/random.ts";
import type { BackendSettings, Way } from "./child-message.ts";
import { WAYS } from "./child-message.ts";
import { beChild, report } from "./demo-child.ts";
import type { SayReply, SayRequest } from "./echo-service.ts";
import { echoService } from "./echo-service.ts";
import { WorkerPool } from "./worker-pool.ts";

const REPORT_EVERY_MS = 100;

const settings = JSON.parse(process.argv[2] ?? "{}") as BackendSettings;
const calls: Record<Way, number> = { pinned: 0, isobar: 0 };
let part = -1;
let slowFactor = 1;

beChild((order) => {
  if (order.kind === "part") {
    sendArrivals();
    part = order.part;
  } else if (order.kind === "slow") {
    slowFactor = order.factor;
  }
});

const [pinned, isobar] = await Promise.all(WAYS.map((way, index) => serve(way, index)));
report({ kind: "ready", ports: { pinned: pinned!, isobar: isobar! } });
setInterval(sendArrivals, REPORT_EVERY_MS);

async function serve(way: Way, index: number): Promise<number> {
  const random = new SeededRandom(settings.seed + index);
  // Uniform from half to one and a half of the mean: spread enough that queues form, no tail of its own.
  const pool = new WorkerPool(
    settings.workers,
    () => slowFactor * settings.serviceMs * (0.5 + random.nextFloat()),
  );
  const server = new Server();
  server.addService(echoService, {
    Say(call: ServerUnaryCall<SayRequest, SayReply>, answer: sendUnaryData<SayReply>): void {
      calls[way]++;
      const ticket = pool.submit(() => answer(null, reply(call.request)));
      call.on("cancelled", () => pool.cancel(ticket));
    },
    Chat(call: ServerDuplexStream<SayRequest, SayReply>): void {
      calls[way]++;
      chat(call, pool);
    },
  });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

// Not "for await": leaving such a loop destroys the stream, and the caller would never get its status.
function chat(call: ServerDuplexStream<SayRequest, SayReply>, pool: WorkerPool): void {
  let answered = Promise.resolve();
  call.on("data", (request: SayRequest) => {
    answered = answered.then(async () => {
      if (call.cancelled) return;
      await new Promise<void>((served) => pool.submit(served));
      if (!call.cancelled) call.write(reply(request));
    });
  });
  call.on("end", () => void answered.then(() => call.end()));
}

function reply(request: SayRequest): SayReply {
  return { text: request.text, backend: settings.name, zone: settings.zone };
}

function sendArrivals(): void {
  if (calls.pinned + calls.isobar === 0) return;
  report({ kind: "arrivals", part, calls: { ...calls } });
  calls.pinned = 0;
  calls.isobar = 0;
}
