// A gRPC proxy as one writes it with @grpc/grpc-js: one generic unary handler on the server's side, one client for each backend,
// the one with the fewest calls in flight of two drawn. Messages pass as octets. Unary only: what this costs is the question.
import { Client, credentials, Metadata, Server, ServerCredentials } from "@grpc/grpc-js";

const port = Number(process.argv[2]);
const options = { "grpc.max_concurrent_streams": 1000, "grpc.max_receive_message_length": -1 };
const backends = process.argv.slice(3).map((backend) => ({
  client: new Client(`127.0.0.1:${backend}`, credentials.createInsecure(), options),
  inFlight: 0,
}));
const same = (octets) => octets;

function pick() {
  const first = backends[Math.floor(Math.random() * backends.length)];
  const second = backends[Math.floor(Math.random() * backends.length)];
  return first.inFlight <= second.inFlight ? first : second;
}

function handlerFor(path) {
  return {
    type: "unary",
    path,
    serialize: same,
    deserialize: same,
    func(call, callback) {
      const backend = pick();
      backend.inFlight++;
      const passed = new Metadata();
      for (const [key, value] of Object.entries(call.metadata.getMap())) {
        if (!key.startsWith(":") && key !== "user-agent") passed.set(key, value);
      }
      backend.client.makeUnaryRequest(path, same, same, call.request, passed, (error, response) => {
        backend.inFlight--;
        callback(error, response);
      });
    },
  };
}

const server = new Server(options);
// grpc-js has no handler for unknown methods that a program could give: its table of handlers is asked by path.
const handlers = new Map();
server.handlers = {
  get(path) {
    let handler = handlers.get(path);
    if (handler === undefined) {
      handler = handlerFor(path);
      handlers.set(path, handler);
    }
    return handler;
  },
};
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
