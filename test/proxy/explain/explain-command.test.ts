import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Metadata } from "@grpc/grpc-js";
import type { ExplainView, PickView } from "../../../src/admin/explain-view.ts";
import { freePort } from "../../support/free-port.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { GrpcClient } from "../fixture/grpc-client.ts";
import { ECHO } from "../fixture/local-proxy.ts";
import { ProxyProcess } from "../fixture/proxy-process.ts";

const LAUNCHER = fileURLToPath(new URL("../../../src/cli/launch.mjs", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function isobar(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [LAUNCHER, ...args], (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}

describe("isobar explain", () => {
  const folder = mkdtempSync(join(tmpdir(), "isobar-explain-"));
  let backends: GrpcBackend[];
  let proxy: ProxyProcess;
  let clients: GrpcClient[];
  let admin: string;
  let dead: number;

  before(async () => {
    backends = await Promise.all([GrpcBackend.start(), GrpcBackend.start()]);
    dead = await freePort();
    const adminPort = await freePort();
    admin = `127.0.0.1:${adminPort}`;
    proxy = await ProxyProcess.start([...backends.map(({ port }) => port), dead], {
      concurrency: 2,
      adminPort,
      more: ["explain: { sample: 1, ring: 1000, allowedSources: [127.0.0.1] }"],
      cluster: ["outlierDetection: {}"],
    });
    // One for each worker.
    clients = [new GrpcClient(proxy.port), new GrpcClient(proxy.port)];
    for (let call = 0; call < 300; call++) assert.equal((await clients[call % 2]!.unary("hello")).code, 0);
  });

  after(async () => {
    for (const client of clients) client.close();
    await proxy.terminate();
    for (const backend of backends) backend.stop();
    rmSync(folder, { recursive: true });
  });

  it("lists the clusters and how many picks of each are recorded", async () => {
    const { code, stdout, stderr } = await isobar("explain", "--admin", admin);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /100 % of picks are recorded/);
    assert.match(stdout, new RegExp(`${ECHO}\\s+least_request\\s+3\\s+3\\d\\d`));
    assert.match(
      stdout,
      /newest picks:\n {2}\d{4}-.*T.*Z [01]-\d+ echo\.test:50051 -> 127\.0\.0\.1:\d+ of [23] in tier any, /,
    );
  });

  it("shows a cluster's tiers, its endpoints with why one is left out, and its last picks", async () => {
    const leftOut = new RegExp(
      `^127\\.0\\.0\\.1:${dead} .*left out: set aside: it could not be connected to`,
      "m",
    );
    // Between two tries to connect it is left out; each of its returns ends with the next call.
    let stdout = "";
    for (let look = 0; look < 20 && !leftOut.test(stdout); look++) {
      for (let call = 0; call < 20; call++) await clients[call % 2]!.unary("hello");
      const ended = await isobar("explain", ECHO, "--admin", admin, "--last", "3");
      assert.equal(ended.code, 0, ended.stderr);
      stdout = ended.stdout;
    }
    assert.match(
      stdout,
      /^cluster echo\.test:50051, least_request, metric in_flight, snapshot [0-9a-f]{16}$/m,
    );
    assert.match(stdout, /^0 +any +100 % +2$/m);
    assert.match(stdout, leftOut);
    assert.equal(stdout.match(/^ {2}\d{4}-/gm)?.length, 3);
  });

  it("gives the same as JSON, with every pick explained", async () => {
    const { code, stdout } = await isobar("explain", ECHO, "--admin", admin, "-o", "json", "--last", "50");
    assert.equal(code, 0);
    const view = JSON.parse(stdout) as ExplainView;
    assert.equal(view.cluster!.name, ECHO);
    assert.equal(view.picks.length, 50);
    // The dead one is picked once each time its back-off ends.
    const known = [...backends.map(({ port }) => port), dead].map((port) => `127.0.0.1:${port}`);
    for (const pick of view.picks) {
      assert.ok(known.includes(pick.winner));
      const drawn = pick.drawn.map(({ endpoint }) => endpoint);
      assert.ok(drawn.includes(pick.winner) && drawn.every((endpoint) => known.includes(endpoint)));
      for (const { load } of pick.drawn) assert.equal(typeof load, "number");
    }
    const chosen = view.cluster!.endpoints.map(({ picked }) => picked);
    assert.ok(chosen[0]! > 80 && chosen[1]! > 80, `${chosen}`);
    // The pictures add up: each of the 300 requests was picked for at least once.
    assert.ok(chosen.reduce((sum, picked) => sum + picked, 0) >= 300);
  });

  it("replays a file of the admin server to the same endpoints, and says so", async () => {
    const response = await fetch(`http://${admin}/explain.bin`);
    assert.equal(response.headers.get("content-type"), "application/octet-stream");
    const file = join(folder, "picks.bin");
    writeFileSync(file, Buffer.from(await response.arrayBuffer()));
    const { code, stdout, stderr } = await isobar("explain", "--replay", file);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^.*picks\.bin: (\d+) picks, \1 replayed to the same endpoint\n$/);
  });

  it("ends with 70 and shows the picks when a replay comes out otherwise", async () => {
    const file = join(folder, "picks.bin");
    const octets = readFileSync(file);
    // The endpoint picked stands behind sequence and hash; here one record claims another.
    const words = new Int32Array(octets.buffer, octets.byteOffset, octets.length >> 2);
    const last = words.length - 2 * 2 * 2 - 2 * 2 - 2;
    words[last] = 12_345;
    const forged = join(folder, "forged.bin");
    writeFileSync(forged, octets);
    const { code, stdout } = await isobar("explain", "--replay", forged);
    assert.equal(code, 70, stdout);
    assert.match(stdout, /1 came out otherwise, which is a fault of Isobar/);
    assert.match(stdout, /recorded slot 12345/);
    const json = await isobar("explain", "--replay", forged, "-o", "json");
    assert.equal(JSON.parse(json.stdout).different, 1);
  });

  it("refuses what is no such file, an unknown cluster and a wrong address with 64, and no proxy with 69", async () => {
    writeFileSync(join(folder, "text"), "hello");
    const cases: readonly [string[], number, RegExp][] = [
      [["--replay", join(folder, "text")], 64, /text: found something else, wanted a file of recorded picks/],
      [["--replay", join(folder, "none")], 64, /none: .*(no such file|ENOENT)/i],
      [["nobody:1", "--admin", admin], 64, /"nobody:1", which does not exist/],
      [["--admin", "somewhere"], 64, /--admin: found "somewhere", wanted an address/],
      [["--last", "many"], 64, /wanted a whole number from 0 to 9999/],
      [["--admin", "127.0.0.1:1"], 69, /no proxy answers at 127\.0\.0\.1:1: .*--admin/],
      [["--admin", `unix:${join(folder, "none.sock")}`], 69, /no proxy answers at unix:/],
    ];
    for (const [args, wanted, text] of cases) {
      const { code, stderr } = await isobar("explain", ...args);
      assert.equal(code, wanted, stderr);
      assert.match(stderr, text);
    }
  });

  it("is not the only way to ask: an allowed caller is told by header, until a reload says otherwise", async () => {
    const metadata = new Metadata();
    metadata.set("x-isobar-explain", "1");
    const told = async (): Promise<boolean> => {
      const { code, initial } = await clients[0]!.unary("hello", {}, metadata);
      assert.equal(code, 0);
      return initial.get("x-isobar-explain").length === 1;
    };
    assert.equal(await told(), true);
    const ports = [...backends.map(({ port }) => port), dead];
    await proxy.rewrite(ports, { more: ["explain: { sample: 1, ring: 1000 }"] });
    const limit = performance.now() + 10_000;
    while ((await told()) && performance.now() < limit) await sleep(50);
    assert.equal(await told(), false);
  });

  it("watches: picks come as lines while they are made, until Ctrl-C", async () => {
    const watching: ChildProcess = spawn(
      process.execPath,
      [LAUNCHER, "explain", ECHO, "--admin", admin, "--watch", "-o", "json"],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let text = "";
    watching.stdout!.on("data", (piece) => {
      text += piece;
    });
    const limit = performance.now() + 20_000;
    // What was there at its first look is not news: calls are made until so many are told.
    const callUntil = async (lines: number): Promise<void> => {
      while (text.split("\n").length <= lines && performance.now() < limit) {
        for (let call = 0; call < 2; call++) await clients[call]!.unary("hello");
        await sleep(50);
      }
    };
    await callUntil(20);
    const exit = once(watching, "exit");
    watching.kill("SIGINT");
    assert.deepEqual(await exit, [0, null]);
    const picks = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as PickView);
    assert.ok(picks.length >= 20, `${picks.length} lines`);
    assert.equal(new Set(picks.map(({ worker, number }) => `${worker}/${number}`)).size, picks.length);
  });

  it("has help that names its options, examples and the page", async () => {
    const { code, stdout } = await isobar("explain", "--help");
    assert.equal(code, 0);
    for (const part of ["--admin", "--watch", "--replay", "--output", "Examples:", "docs/explain.md"])
      assert.ok(stdout.includes(part), part);
  });
});
