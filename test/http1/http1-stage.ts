import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import type { ServerHttp2Session } from "node:http2";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import type { Http1Limits } from "../../src/http1/http1-limits.ts";
import type { Cluster } from "../../src/resource/cluster.ts";
import { until } from "../proxy/fixture/until.ts";
import { Http1Rig, RawHttp1Client, WEB } from "./http1-rig.ts";
import { WebBackend } from "./web-backend.ts";

/** Requests are handled and go on as HTTP/1.1. */
export const AS_HTTP1 = { name: WEB, protocol: "http1", h2UpgradePolicy: "DO_NOT_UPGRADE" } as const;
/** Requests are handled and go on as HTTP/2. */
export const AS_HTTP2 = { name: WEB, protocol: "http2", h2UpgradePolicy: "UPGRADE" } as const;

/** A raw answer of one endpoint to whatever it is asked, once for each connection. */
export async function rawBackend(answer: string): Promise<{ port: number; stop: () => void }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write(Buffer.from(answer, "latin1")));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, stop: () => server.close() };
}

/** Runs a test with a backend and a proxy in front of it, and holds both to nothing being left behind. */
export async function through(
  listener: RequestListener | undefined,
  test: (client: RawHttp1Client, backend: WebBackend, rig: Http1Rig) => Promise<void>,
  limits: Partial<Http1Limits> = {},
  cluster: Partial<Cluster> = AS_HTTP1,
): Promise<void> {
  const backend = await WebBackend.start(listener);
  const rig = await Http1Rig.start({ freeConnectionMs: 500, ...limits });
  rig.proxy.apply([backend.port], cluster);
  const client = new RawHttp1Client(rig.port);
  await test(client, backend, rig);
  client.close();
  await until("no connection left at the backend", () => backend.sockets === 0);
  assert.equal(rig.proxy.inFlight, 0);
  await rig.close();
  backend.stop();
}

/** The same with a backend of HTTP/2. */
export async function throughHttp2(
  onSession: (session: ServerHttp2Session) => void,
  test: (client: RawHttp1Client, rig: Http1Rig) => Promise<void>,
): Promise<void> {
  const server = createHttp2Server();
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    onSession(session);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const rig = await Http1Rig.start();
  rig.proxy.apply([(server.address() as AddressInfo).port], AS_HTTP2);
  const client = new RawHttp1Client(rig.port);
  await test(client, rig);
  client.close();
  await rig.close();
  for (const session of sessions) session.destroy();
  server.close();
}

/** @returns a request without a body. */
export function get(path = "/a", fields = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${WEB}\r\n${fields}\r\n`;
}
