import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from "@grpc/grpc-js";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ECHO_SERVICE } from "./echo-client.ts";

/**
 * The Echo service on grpc-js, and so on node:http2, with its defaults, as a program:
 * `node js-server.ts serve --port N --name ID --journal FILE`. SIGTERM lets calls finish (Http2Session.close(): one GOAWAY
 * with the last stream it has seen, and no second phase).
 */
const { values } = parseArgs({
  allowPositionals: true,
  options: {
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    name: { type: "string", default: "js" },
    journal: { type: "string", default: "" },
  },
});
const { host, port, name, journal } = values;

interface EchoRequest {
  readonly payload: Buffer;
  readonly replies: number;
  readonly reply_size: number;
  readonly delay_ms: number;
  readonly call_id: string;
}

function note({ call_id: id }: EchoRequest): void {
  if (journal !== "" && id !== "") appendFileSync(journal, `${id}\n`);
}

const server = new Server();
server.addService(ECHO_SERVICE, {
  unary({ request }: ServerUnaryCall<EchoRequest, object>, answer: sendUnaryData<object>) {
    note(request);
    setTimeout(() => answer(null, { payload: request.payload, backend: name }), request.delay_ms);
  },
  async serverStream(call: ServerWritableStream<EchoRequest, object>) {
    const { request } = call;
    note(request);
    const payload = Buffer.alloc(request.reply_size);
    for (let index = 0; index < request.replies && !call.cancelled; index++) {
      await sleep(request.delay_ms);
      call.write({ payload, backend: name, index });
    }
    call.end();
  },
});
server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
  if (error) throw error;
  console.log(`ready ${host}:${bound}`);
});
process.once("SIGTERM", () => server.tryShutdown(() => process.exit(0)));
