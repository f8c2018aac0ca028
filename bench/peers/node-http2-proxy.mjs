// A gRPC proxy as one writes it with node:http2: a session to each backend, the one with the fewest requests in flight of
// two drawn, streams piped by events, trailers passed on.
import { connect, constants, createServer } from "node:http2";

const { HTTP2_HEADER_CONNECTION, NGHTTP2_CANCEL } = constants;
const settings = { initialWindowSize: 1 << 20, maxConcurrentStreams: 1000, enablePush: false };
const port = Number(process.argv[2]);
const backends = process.argv.slice(3).map((backend) => {
  const session = connect(`http://127.0.0.1:${backend}`, { settings });
  session.on("connect", () => session.setLocalWindowSize(16 << 20));
  session.on("error", (error) => console.error(String(error)));
  return { session, inFlight: 0 };
});

function pick() {
  const first = backends[Math.floor(Math.random() * backends.length)];
  const second = backends[Math.floor(Math.random() * backends.length)];
  return first.inFlight <= second.inFlight ? first : second;
}

const server = createServer({ settings });
server.on("session", (session) => session.setLocalWindowSize(16 << 20));
server.on("stream", (downstream, headers) => {
  const backend = pick();
  backend.inFlight++;
  delete headers[HTTP2_HEADER_CONNECTION];
  const upstream = backend.session.request(headers);
  let trailers = {};
  downstream.on("data", (chunk) => {
    if (!upstream.write(chunk)) {
      downstream.pause();
      upstream.once("drain", () => downstream.resume());
    }
  });
  downstream.on("end", () => upstream.end());
  downstream.on("wantTrailers", () => downstream.sendTrailers(trailers));
  upstream.on("response", (response, flags) => {
    downstream.respond(response, {
      waitForTrailers: true,
      endStream: (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0,
    });
  });
  upstream.on("data", (chunk) => {
    if (!downstream.write(chunk)) {
      upstream.pause();
      downstream.once("drain", () => upstream.resume());
    }
  });
  upstream.on("trailers", (received) => {
    trailers = received;
  });
  upstream.on("end", () => downstream.end());
  upstream.on("close", () => {
    backend.inFlight--;
    if (!downstream.closed && upstream.rstCode !== 0) downstream.close(upstream.rstCode);
  });
  downstream.on("close", () => {
    if (!upstream.closed && downstream.rstCode !== 0) upstream.close(NGHTTP2_CANCEL);
  });
  downstream.on("error", () => {});
  upstream.on("error", () => {});
});
server.listen(port, "127.0.0.1");
