import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { GrpcClient } from "../fixture/grpc-client.ts";
import { TcpPeer } from "./fixture/tcp-peer.ts";

const FILES = 96;
const TICKS_PER_SECOND = 100;

/** Seconds of processor time a process has used. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

it("a proxy out of file descriptors neither spins nor dies, and serves again when it has some", async () => {
  const backend = await GrpcBackend.start();
  const child = fileURLToPath(new URL("./fixture/file-limit-child.ts", import.meta.url));
  const args = [
    "-c",
    `ulimit -n ${FILES}; exec "$0" "$1" "$2"`,
    process.execPath,
    child,
    String(backend.port),
  ];
  const proxy = spawn("sh", args, { stdio: ["ignore", "pipe", "inherit"] });
  const peers: TcpPeer[] = [];
  try {
    const [said] = (await once(proxy.stdout, "data")) as [Buffer];
    const port = Number(/port (\d+)/.exec(said.toString())![1]);
    for (let i = 0; i < 2 * FILES; i++) {
      const peer = await TcpPeer.connect(port).catch(() => undefined);
      if (peer !== undefined) peers.push(peer.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    }
    await sleep(300);
    const before = cpuSeconds(proxy.pid!);
    await sleep(1500);
    const used = cpuSeconds(proxy.pid!) - before;
    assert.ok(used < 0.5, `${used} s of processor time in 1.5 s`);
    assert.ok(
      peers.some(({ closed, ended }) => closed || ended),
      "the limit was reached",
    );
    assert.equal(proxy.exitCode, null);
    for (const peer of peers) peer.close();
    await sleep(300);
    const client = new GrpcClient(port);
    assert.equal((await client.unary("again")).body.toString(), "again");
    client.close();
  } finally {
    for (const peer of peers) peer.close();
    proxy.kill("SIGKILL");
    backend.stop();
  }
});
