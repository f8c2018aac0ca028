import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { RawClient } from "../../proxy/fixture/raw-client.ts";
import { until } from "../../proxy/fixture/until.ts";
import { TcpPeer } from "../../proxy/port/fixture/tcp-peer.ts";
import { freePorts } from "../../support/free-ports.ts";

const LAUNCHER = join(REPOSITORY, "src/cli/launch.mjs");
const [POD, OTHER_POD] = ["127.0.1.5", "127.0.1.6"];
const [SERVICE, DOOR] = ["127.18.0.1", "127.18.255.1"];
const PAGES = [
  "/config_dump",
  "/clusters",
  "/explain?cluster=echo.bank:50051",
  "/explain.bin",
  "/metrics",
  "/ready",
];
/** What the admin and metrics servers say, and nobody else does. */
const THEIRS = /isobar_|"clusters"|"records"|echo\.bank|HTTP\/1\.1 200 OK/;

describe("pods of a node's namespaces do not reach the admin and metrics servers by its proxy", () => {
  let folder: string;
  let daemon: Child;
  let admin: number;
  let metrics: number;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "isobar-tenant-"));
    [admin, metrics] = (await freePorts(2)) as [number, number];
    const lines = [
      `admin: { address: 127.0.0.1:${admin} }`,
      `metrics: { address: 127.0.0.1:${metrics} }`,
      "listeners: []",
      "concurrency: 2",
      "explain: { sample: 1 }",
      "capture:",
      `  runDir: ${folder}`,
      "  generation: one",
      "  anyIp: { ipv4: 127.18.0.0/16 }",
      // As open as it can be.
      '  connect: { allowedTargets: ["*", "0.0.0.0/0", "::/0"] }',
      '  services: [{ service: "echo.shop:50051", addresses: [10.99.0.1], port: 50051 }]',
      "callers:",
      `  - { uid: u1, namespace: shop, pod: a, addresses: [${POD}] }`,
      `  - { uid: u2, namespace: bank, pod: b, addresses: [${OTHER_POD}] }`,
      "clusters:",
      '  - { name: "echo.shop:50051", endpoints: [] }',
      '  - { name: "echo.bank:50051", endpoints: [] }',
    ];
    writeFileSync(join(folder, "isobar.yaml"), lines.join("\n"));
    const program = { command: process.execPath, args: [LAUNCHER] };
    daemon = new Child(program, ["proxy", "--config", join(folder, "isobar.yaml")]);
    await until("the proxy is ready", () => privatePort() > 0, { limitMs: 20_000 });
    // Whatever the index of the admin server names as well, so that no page is forgotten here.
    const index = await (await fetch(`http://127.0.0.1:${admin}/`)).text();
    for (const [, path = ""] of index.matchAll(/^\s*(?:GET\s+)?(\/[a-z_.-]+)/gm)) {
      const { status } = await fetch(`http://127.0.0.1:${admin}${path}`);
      if (status === 200 && !PAGES.includes(path)) PAGES.push(path);
    }
    assert.ok(PAGES.includes("/status"), index);
  });
  after(async () => {
    await daemon.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function privatePort(): number {
    try {
      const text = readFileSync(join(folder, "one", "generation.json"), "utf8");
      const { port, ready } = JSON.parse(text) as { port: number; ready: boolean };
      return ready ? port : 0;
    } catch {
      return 0;
    }
  }

  /** @returns all that is answered until the connection ends, or nothing more comes. */
  async function say(host: string, ...texts: readonly string[]): Promise<string> {
    const peer = await TcpPeer.connect({ host, port: privatePort(), localAddress: POD });
    for (const text of texts) peer.say(text);
    for (let i = 0; i < 100 && !peer.closed && !peer.ended; i++) await sleep(10);
    peer.close();
    return peer.text;
  }
  const get = (path: string, host: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

  it("who asks them directly is answered, so that the test can fail", async () => {
    for (const path of PAGES) {
      const { status } = await fetch(`http://127.0.0.1:${path === "/metrics" ? metrics : admin}${path}`);
      assert.equal(status, 200, path);
    }
    assert.match(await (await fetch(`http://127.0.0.1:${admin}/config_dump`)).text(), THEIRS);
  });

  it("not by asking the node's own address, or a service's, for their pages", async () => {
    for (const path of PAGES) {
      for (const host of [`127.0.0.1:${admin}`, "isobar", "localhost"]) {
        for (const address of [DOOR, SERVICE])
          assert.doesNotMatch(await say(address, get(path, host)), THEIRS, `${address} ${host}${path}`);
      }
    }
  });

  it("who may read them sees which namespace called, whichever thread served it", async () => {
    for (const [address, calls] of [
      [POD, 6],
      [OTHER_POD, 2],
    ] as const) {
      const clients = Array.from({ length: calls }, () => new RawClient(privatePort(), {}, address, SERVICE));
      for (const { status } of await Promise.all(clients.map((each) => each.call())))
        assert.equal(status, 14);
      for (const each of clients) each.close();
    }
    const page = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
    const counts = page.split("\n").flatMap((line) => {
      const found = /^isobar_requests_total\{.*dst_service="echo".*src_namespace="(\w+)".* (\d+)$/.exec(line);
      return found === null ? [] : [[found[1], Number(found[2])] as const];
    });
    assert.deepEqual(Object.fromEntries(counts), { shop: 6, bank: 2 });
  });

  it("not by a tunnel", async () => {
    for (const port of [admin, metrics]) {
      for (const host of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"]) {
        const tunnel = `CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`;
        const text = await say(DOOR, tunnel, get("/metrics", "x"));
        assert.doesNotMatch(text, THEIRS, `${host}:${port}`);
        assert.doesNotMatch(text, /^HTTP\/1\.1 200/, `${host}:${port}`);
      }
    }
  });
});
