import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../clients/harness/child.ts";
import { REPOSITORY } from "../clients/harness/paths.ts";
import { findTools } from "../clients/harness/toolchain.ts";
import { freePort } from "../support/free-port.ts";
import { freePorts } from "../support/free-ports.ts";

const MODULE = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible";
const FOLDER = join(REPOSITORY, "node_modules/.cache/h2spec");
const PROGRAM = join(FOLDER, "h2spec");
const BUILD_LIMIT_MS = 180_000;
const RUN_LIMIT_MS = 120_000;
const READY_LIMIT_MS = 30_000;
/** Long enough for a case's frames to find its stream open, short against h2spec's own limit of 2 s. */
const ANSWER_MS = 30;

const { CI = "" } = process.env;

/** How sockets are read, and what the listener declares: by default it finds out itself that a client speaks HTTP/2. */
const VARIANTS = [
  ["onread", "auto"],
  ["data", "auto"],
  ["onread", "http2"],
] as const;

for (const [reads, protocol] of VARIANTS) {
  test(`a listener of "${protocol}" passes every strict case of h2spec, with sockets read by ${reads}`, async (t) => {
    const missing = await buildH2spec();
    if (missing !== undefined) {
      assert.equal(CI, "", missing);
      t.skip(missing);
      return;
    }
    const backend = await startBackend(t);
    const port = await startProxy(t, backend, reads, protocol);
    const args = ["-h", "127.0.0.1", "-p", String(port), "-o", "2", "--strict"];
    const run = await new Child({ command: PROGRAM, args }, []).waitForEnd(RUN_LIMIT_MS);
    const [, all, passed] = /(\d+) tests, (\d+) passed/.exec(run.stdout) ?? [];
    const failures = run.stdout.slice(run.stdout.indexOf("Failures:"));
    assert.equal(run.code, 0, failures + run.stderr);
    assert.equal(passed, all, failures);
    assert.ok(Number(all) >= 145, `${all} cases`);
  });
}

/** @returns why h2spec is not there, if so. */
async function buildH2spec(): Promise<string | undefined> {
  if (existsSync(PROGRAM)) return undefined;
  const tools = findTools([
    { command: "go", args: ["version"], version: /go(\d+)\.(\d+)/, atLeast: [1, 20] },
  ]);
  if ("missing" in tools) return tools.missing;
  const build = new Child({ command: "go", args: ["install", MODULE], env: { GOBIN: FOLDER } }, []);
  const { code, stderr } = await build.waitForEnd(BUILD_LIMIT_MS);
  return code === 0 ? undefined : `h2spec could not be built: ${stderr.trim().slice(-300)}`;
}

/** A backend that answers every request, a little later. @returns its port. */
async function startBackend(t: TestContext): Promise<number> {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    stream.resume();
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    setTimeout(() => {
      if (stream.destroyed) return;
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.end("hello");
    }, ANSWER_MS);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  t.after(() => server.close());
  return port;
}

/** The proxy as users start it, in front of the backend. @returns its listener's port. */
async function startProxy(t: TestContext, backend: number, reads: string, protocol: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "isobar-h2spec-"));
  const [listener, admin] = (await freePorts(2)) as [number, number];
  const config = join(folder, "isobar.yaml");
  // The authority of h2spec's requests is the address it was told.
  const text = [
    `admin: { address: 127.0.0.1:${admin} }`,
    "memory: { poisonFreed: true }",
    "listeners:",
    `  - { name: local, address: 127.0.0.1:${listener}, protocol: ${protocol} }`,
    "clusters:",
    `  - name: 127.0.0.1:${listener}`,
    `    endpoints: [{ address: 127.0.0.1:${backend} }]`,
  ];
  await writeFile(config, text.join("\n"));
  const program = {
    command: process.execPath,
    args: [join(REPOSITORY, "src/cli/launch.mjs")],
    env: { ISOBAR_SOCKET_READS: reads },
  };
  const proxy = new Child(program, ["proxy", "--config", config]);
  t.after(async () => {
    await proxy.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const limit = performance.now() + READY_LIMIT_MS;
  while (performance.now() < limit) {
    const answer = await fetch(`http://127.0.0.1:${admin}/ready`).catch(() => undefined);
    if (answer?.status === 200) return listener;
    await sleep(50);
  }
  throw new Error("the proxy was not ready in time");
}
