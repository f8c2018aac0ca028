import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { Child } from "../clients/harness/child.ts";
import { REPOSITORY } from "../clients/harness/paths.ts";
import { TcpPeer } from "../proxy/port/fixture/tcp-peer.ts";
import { freePorts } from "../support/free-ports.ts";

const LAUNCHER = join(REPOSITORY, "src/cli/launch.mjs");
const READY_LIMIT_MS = 20_000;
/** What the admin and metrics servers say to it, and nobody else does. */
const QUESTION = "GET /metrics HTTP/1.1\r\nHost: admin.test\r\nConnection: close\r\n\r\n";
const THEIRS = /isobar_|HTTP\/1\.1 200 OK|"clusters"/;

describe("through the daemon nobody reaches its admin and metrics servers", () => {
  let ports: number[];
  let folder: string;
  let daemon: Child;

  function configText(endpoints: readonly string[]): string {
    const [auto, tcp, admin, metrics] = ports as [number, number, number, number];
    return [
      `admin: { address: 127.0.0.1:${admin} }`,
      `metrics: { address: 127.0.0.1:${metrics} }`,
      "listeners:",
      // As open as a configuration can be.
      `  - { name: local, address: 127.0.0.1:${auto}, connect: { allowedTargets: ["*", "0.0.0.0/0", "::/0"] } }`,
      `  - { name: tcp, address: 127.0.0.1:${tcp}, protocol: tcp, cluster: admin.test:443 }`,
      "clusters:",
      "  - name: admin.test:443",
      `    endpoints: [${endpoints.map((each) => `{ address: "${each}" }`).join(", ")}]`,
    ].join("\n");
  }
  /** The spellings that are no text of a configured address, but lead to it. */
  function disguises(): string[] {
    return ports
      .slice(2, 4)
      .flatMap((port) =>
        ["0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"].map((host) => `${host}:${port}`),
      );
  }
  const metricsPage = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${ports[3]}/metrics`)).text();
  async function value(metric: string): Promise<number> {
    const lines = (await metricsPage()).split("\n").filter((line) => line.startsWith(metric));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }
  /** @returns all that was said until the connection ended. */
  async function hear(peer: TcpPeer): Promise<string> {
    for (let i = 0; i < 200 && !peer.closed && !peer.ended; i++) await sleep(10);
    peer.close();
    return peer.text;
  }

  before(async () => {
    ports = await freePorts(4);
    folder = await mkdtemp(join(tmpdir(), "isobar-door-"));
    await writeFile(join(folder, "isobar.yaml"), configText(disguises()));
    daemon = new Child({ command: process.execPath, args: [LAUNCHER] }, [
      "proxy",
      "--config",
      join(folder, "isobar.yaml"),
    ]);
    const limit = performance.now() + READY_LIMIT_MS;
    while (performance.now() < limit) {
      const answer = await fetch(`http://127.0.0.1:${ports[2]}/ready`).catch(() => undefined);
      if (answer?.status === 200) return;
      await sleep(50);
    }
    throw new Error("the proxy was not ready in time");
  });
  after(async () => {
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("who asks them directly is answered, so that the test can fail", async () => {
    const text = await hear((await TcpPeer.connect(ports[3]!)).say(QUESTION));
    assert.match(text, THEIRS);
  });

  it("by CONNECT, however the address is spelled, and by names of this machine", async () => {
    const hosts = [
      ...[
        "127.0.0.1",
        "127.0.0.2",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
      ],
      ...["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"],
      ...["[::1%25lo]", "localhost", "LOCALHOST.", "a.localhost", "localhost.localdomain", "ip6-localhost"],
    ];
    const before = await value("isobar_connect_requests_total");
    for (const host of hosts) {
      for (const port of ports.slice(2, 4)) {
        const peer = await TcpPeer.connect(ports[0]!);
        peer.say(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`).say(QUESTION);
        const text = await hear(peer);
        assert.match(text, /^HTTP\/1\.1 (?:400|403|502) /, `${host}:${port}`);
        assert.doesNotMatch(text, THEIRS, `${host}:${port}`);
      }
    }
    assert.equal((await value("isobar_connect_requests_total")) - before, 2 * hosts.length);
    assert.ok((await value('isobar_connect_requests_total{result="forbidden_address"')) >= 14);
    assert.ok((await value('isobar_connect_requests_total{result="malformed"')) >= 12);
  });

  it("by a tcp listener, a tunnel, a server name or Host, whose cluster's endpoints are they in disguise", async () => {
    const before = await value("isobar_connections_refused_total");
    const tcp = await TcpPeer.connect(ports[1]!).catch(() => undefined);
    if (tcp !== undefined) assert.equal(await hear(tcp.say(QUESTION)), "");
    const tunnel = (await TcpPeer.connect(ports[0]!))
      .say("CONNECT admin.test:443 HTTP/1.1\r\n\r\n")
      .say(QUESTION);
    assert.doesNotMatch(await hear(tunnel), THEIRS);
    const named = (await TcpPeer.connect(ports[0]!)).say(QUESTION.replace("admin.test", "admin.test:443"));
    assert.match(await hear(named), /^HTTP\/1\.1 503 /);
    const secure = await TcpPeer.connect(ports[0]!);
    const hello = connectTls({ socket: secure.socket, servername: "admin.test" });
    await new Promise((resolve) => hello.once("error", resolve).once("close", resolve));
    assert.equal(secure.text, "");
    assert.equal((await value("isobar_connections_refused_total")) - before, 4);
    assert.ok((await value('isobar_connections_refused_total{reason="no_endpoint"')) >= 4);
  });

  it("by an endpoint that is written as they are: the file is refused", async () => {
    for (const port of ports.slice(2, 4)) {
      const file = join(folder, "loop.yaml");
      await writeFile(file, configText([`127.0.0.1:${port}`]));
      const program = { command: process.execPath, args: [LAUNCHER] };
      const { code, stderr } = await new Child(program, ["proxy", "--config", file]).waitForEnd(
        READY_LIMIT_MS,
      );
      assert.notEqual(code, 0);
      assert.match(stderr, /an address other than the proxy's own/);
    }
  });
});
