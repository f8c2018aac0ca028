import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connectionLimit } from "../../../src/daemon/connection-limit.ts";
import { ProxyProcess } from "../fixture/proxy-process.ts";
import { RawBackend } from "../fixture/raw-backend.ts";
import { RawClient } from "../fixture/raw-client.ts";

const OPEN_FILES = 400;
const ATTEMPTS = 600;

const { CI = "" } = process.env;
const lacking = spawnSync("prlimit", ["--version"]).status === 0 ? false : "prlimit is not installed";

it("a process that may open few files takes fewer connections, and never runs out of files", {
  skip: CI === "" ? lacking : false,
}, async () => {
  const backend = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
  const proxy = await ProxyProcess.start([backend.port], {
    poison: false,
    prefix: ["prlimit", `--nofile=${OPEN_FILES}:${OPEN_FILES}`],
  });
  // From another address than the innocent: nobody alone gets the last fifth.
  const sockets = Array.from({ length: ATTEMPTS }, () =>
    connect({ port: proxy.port, host: "127.0.0.1", localAddress: "127.0.0.2" }).on("error", () => {}),
  );
  try {
    let closed = 0;
    for (const socket of sockets) socket.resume().on("close", () => closed++);
    for (const socket of sockets) socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0");
    await sleep(1500);
    const limit = connectionLimit(undefined, OPEN_FILES);
    const taken = ATTEMPTS - closed;
    assert.equal(taken, Math.ceil(limit * 0.8));
    const client = new RawClient(proxy.port);
    assert.equal((await client.call()).status, 0, "a caller with few connections still gets in");
    client.close();
    assert.equal(await proxy.ready(), "ready\n");
    assert.doesNotMatch(proxy.output, /EMFILE|accept failed/);
  } finally {
    for (const socket of sockets) socket.destroy();
    await proxy.terminate("SIGKILL");
    backend.stop();
  }
});
