import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { afterEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js";
import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import { until } from "../proxy/fixture/until.ts";
import { freePort } from "../support/free-port.ts";
import { freePorts } from "../support/free-ports.ts";
import { missingOpenssl, TestAuthority } from "../support/test-authority.ts";
import { checkOf, HealthRig } from "./health-rig.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function rig(): HealthRig {
  const made = new HealthRig();
  closers.push(() => made.monitor.close());
  return made;
}

async function portOf(
  server: { listen(port: number, host: string): unknown; address(): unknown } & NodeJS.EventEmitter & {
      close(): unknown;
    },
): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A server that takes connections and says nothing. */
async function silentServer(): Promise<{ readonly port: number; readonly sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    // Unread, the end of a connection would never be seen.
    socket.resume();
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  });
  const port = await portOf(server);
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  return { port, sockets };
}

/** A grpc-js server with a health service of its own. @param answer the octets it answers with, none: it does not. */
async function grpcServer(
  answer: ((service: string) => Buffer | undefined) | undefined,
  credentials = ServerCredentials.createInsecure(),
): Promise<number> {
  const server = new GrpcServer();
  const raw = {
    requestStream: false,
    responseStream: false,
    requestSerialize: (octets: Buffer) => octets,
    requestDeserialize: (octets: Buffer) => octets,
    responseSerialize: (octets: Buffer) => octets,
    responseDeserialize: (octets: Buffer) => octets,
  };
  if (answer !== undefined) {
    const implementation: UntypedServiceImplementation = {
      check: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
        const octets = answer(call.request.toString("latin1", 2));
        if (octets !== undefined) reply(null, octets);
      },
    };
    server.addService({ check: { path: "/grpc.health.v1.Health/Check", ...raw } }, implementation);
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  closers.push(() => server.forceShutdown());
  return port;
}

const SERVING = Buffer.from([0x08, 1]);
const NOT_SERVING = Buffer.from([0x08, 2]);

describe("checks by TCP", () => {
  it("take an endpoint out that refuses, after three times, and take it back after two good ones", async () => {
    const port = await freePort();
    const checks = rig();
    checks.apply([port], checkOf({ kind: "tcp" }));
    assert.ok(!checks.isOut(port), "unknown is healthy");
    await until("out", () => checks.isOut(port));
    assert.ok(checks.count("network") >= 3);
    const server = createServer((socket) => socket.destroy());
    server.listen(port, "127.0.0.1");
    closers.push(() => server.close());
    await until("back", () => !checks.isOut(port));
    assert.ok(checks.count("success") >= 2);
    assert.equal(checks.lines.length, 2, "one line for each change");
  });
});

describe("checks by HTTP", () => {
  it("take 200 to 299 for well, do not follow redirects, and can ask another port", async () => {
    let status = 204;
    const seen: IncomingMessage[] = [];
    const server: Server = createHttpServer((request: IncomingMessage, response: ServerResponse) => {
      seen.push(request);
      response.writeHead(status, { location: "/elsewhere" }).end("some text");
    });
    const healthPort = await portOf(server);
    const port = await freePort();
    const checks = rig();
    checks.apply([port], checkOf({ kind: "http", path: "/health?deep=1", port: healthPort }));
    await until("three good ones", () => checks.count("success") >= 3);
    assert.ok(!checks.isOut(port));
    assert.equal(seen[0]!.url, "/health?deep=1");
    assert.equal(seen[0]!.headers["user-agent"], "isobar-health-check");
    status = 302;
    await until("out", () => checks.isOut(port));
    assert.ok(seen.every(({ url }) => url === "/health?deep=1"));
    status = 200;
    await until("back", () => !checks.isOut(port));
    assert.match(checks.lines[0]!, /"result":"failure","detail":"HTTP 302"/);
  });

  it("give up a server that never answers, and leave no connection behind", async () => {
    const { port, sockets } = await silentServer();
    const checks = rig();
    checks.apply([port], checkOf({ kind: "http", path: "/", port: 0 }, 80));
    await until("out", () => checks.isOut(port));
    assert.ok(checks.count("timeout") >= 3);
    assert.ok(sockets.size <= 1, `${sockets.size} connections`);
    checks.monitor.close();
    await until("no connection left", () => sockets.size === 0);
  });
});

describe("checks by grpc.health.v1", () => {
  it("follow what the service says of itself", async () => {
    let says = SERVING;
    const asked = new Set<string>();
    const port = await grpcServer((service) => {
      asked.add(service);
      return says;
    });
    const checks = rig();
    checks.apply([port], checkOf({ kind: "grpc", service: "test.Echo" }));
    await until("two good ones", () => checks.count("success") >= 2);
    says = NOT_SERVING;
    await until("out", () => checks.isOut(port));
    says = SERVING;
    await until("back", () => !checks.isOut(port));
    assert.deepEqual([...asked], ["test.Echo"]);
    assert.match(checks.lines[0]!, /NOT_SERVING/);
  });

  it("take a server without that service for well, and say so once", async () => {
    const port = await grpcServer(undefined);
    const checks = rig();
    checks.apply([port], checkOf({ kind: "grpc", service: "" }));
    await until("three good ones", () => checks.count("success") >= 3);
    assert.equal(checks.lines.length, 1);
    assert.match(checks.lines[0]!, /not implemented/);
  });

  it("give up servers that take the connection or the call and do not answer, and leave nothing behind", async () => {
    const { port, sockets } = await silentServer();
    const hanging = await grpcServer(() => undefined);
    const checks = rig();
    checks.apply([port, hanging], checkOf({ kind: "grpc", service: "" }, 80));
    await until("both out", () => checks.isOut(port) && checks.isOut(hanging));
    await sleep(300);
    assert.ok(sockets.size <= 1, `${sockets.size} connections`);
    checks.monitor.close();
    await until("no connection left", () => sockets.size === 0);
  });

  it("find an empty answer and an unknown service sick", async () => {
    const port = await grpcServer(() => Buffer.alloc(0));
    const checks = rig();
    checks.apply([port], checkOf({ kind: "grpc", service: "" }));
    await until("out", () => checks.isOut(port));
  });
});

describe("checks of clusters with TLS", { skip: missingOpenssl() ?? false }, () => {
  it("are made as the cluster's identity, by gRPC and by HTTP, and follow renewed certificates", async () => {
    const authority = new TestAuthority();
    closers.push(() => authority.remove());
    const theirs = authority.issue({ subjectAltNames: ["DNS:echo.test"] });
    const ours = authority.issue();
    const stranger = new TestAuthority();
    closers.push(() => stranger.remove());
    const pair = { private_key: Buffer.from(theirs.key), cert_chain: Buffer.from(theirs.cert) };
    const secure = ServerCredentials.createSsl(Buffer.from(authority.ca), [pair], true);
    const grpcPort = await grpcServer(() => SERVING, secure);
    const options = { ...theirs, ca: authority.ca, requestCert: true, rejectUnauthorized: true };
    const server = createHttpsServer(options, (_, response) => response.end("well"));
    const httpPort = await portOf(server);
    const identity = { number: 7, serverName: "echo.test", subjectAltNames: [], ca: authority.ca };
    const [byGrpc, byHttp] = [rig(), rig()];
    for (const checks of [byGrpc, byHttp]) {
      checks.monitor.setTlsIdentity({ ...identity, cert: ours.cert, key: ours.key });
    }
    byGrpc.apply([grpcPort], checkOf({ kind: "grpc", service: "" }, 1_000), 7);
    byHttp.apply([httpPort], checkOf({ kind: "http", path: "/", port: 0 }, 1_000), 7);
    for (const checks of [byGrpc, byHttp])
      await until("good ones", () => checks.count("success") >= 2, { seen: () => checks.lines.join("") });
    const bad = stranger.issue();
    for (const checks of [byGrpc, byHttp])
      checks.monitor.setTlsIdentity({ ...identity, ca: stranger.ca, cert: bad.cert, key: bad.key });
    await until("out", () => byGrpc.isOut(grpcPort) && byHttp.isOut(httpPort));
    assert.equal(byGrpc.count("failure") + byHttp.count("failure"), 0);
  });
});

describe("changes of endpoints", () => {
  it("keep the verdicts of those that stay, also when the checks change, and free those that go", async () => {
    const [sick, other] = (await freePorts(2)) as [number, number];
    const checks = rig();
    checks.apply([sick], checkOf({ kind: "tcp" }));
    await until("out", () => checks.isOut(sick));
    checks.apply([other, sick], checkOf({ kind: "tcp" }));
    assert.ok(checks.isOut(sick) && !checks.isOut(other));
    checks.apply([other, sick], { ...checkOf({ kind: "tcp" }), intervalMs: 3_000 });
    assert.ok(checks.isOut(sick));
    checks.apply([other, sick], null);
    assert.ok(!checks.isOut(sick));
    const before = checks.count("network");
    await sleep(200);
    assert.equal(checks.count("network"), before, "nobody is asked any more");
  });
});
