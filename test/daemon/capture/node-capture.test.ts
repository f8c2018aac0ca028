import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readLedger } from "../../../src/daemon/capture/ledger-record.ts";
import { writeRunFile } from "../../../src/daemon/capture/run-file.ts";
import { GrpcBackend } from "../../proxy/fixture/grpc-backend.ts";
import { answerOf, RawClient } from "../../proxy/fixture/raw-client.ts";
import { until } from "../../proxy/fixture/until.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const CACHE = fileURLToPath(new URL("../../../.cache/compile", import.meta.url));
const ECHO = "127.18.0.1";
const CANARY = "127.18.255.2";
const POD = "127.0.1.5";
const MESSAGE = Buffer.alloc(5);
const LIMIT = { limitMs: 20_000 };

interface Generation {
  readonly port: number;
  readonly ready: boolean;
  readonly draining: boolean;
}

describe("a proxy that takes its node's traffic", () => {
  let folder: string;
  let backend: GrpcBackend;
  const children: ChildProcess[] = [];
  const clients: RawClient[] = [];

  beforeEach(async () => {
    children.length = clients.length = 0;
    folder = mkdtempSync(join(tmpdir(), "isobar-node-"));
    backend = await GrpcBackend.start();
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    for (const child of children) child.kill("SIGKILL");
    await backend.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const read = (...path: string[]) => JSON.parse(readFileSync(join(folder, ...path), "utf8")) as never;
  const generation = (name: string): Generation => read(name, "generation.json");
  const isReady = (name: string): boolean => {
    try {
      return generation(name).ready;
    } catch {
      return false;
    }
  };

  const hasPort = (name: string): boolean => {
    try {
      return generation(name).port > 0;
    } catch {
      return false;
    }
  };

  /** @param more of the configuration; where there is a control plane, it is waited for the port only. */
  async function start(name: string, callers = true, more = ""): Promise<ChildProcess> {
    const file = join(folder, `${name}.yaml`);
    const pods = callers ? `callers: [{ uid: u1, namespace: shop, pod: a, addresses: [${POD}] }]` : "";
    writeFileSync(
      file,
      `listeners: []
concurrency: 2
capture:
  runDir: ${folder}
  anyIp: { ipv4: 127.18.0.0/16 }
  services: [{ service: "echo.default:50051", addresses: [10.99.0.1], port: 50051 }]
${pods}
clusters: [{ name: "echo.default:50051", endpoints: [{ address: 127.0.0.1:${backend.port} }] }]
${more}`,
    );
    const env = {
      ...process.env,
      POD_UID: name,
      HOST_IP: "192.0.2.7",
      ISOBAR_ADMIN_ADDRESS: `unix:${join(folder, name, "admin.sock")}`,
      NODE_COMPILE_CACHE: CACHE,
    };
    const child = spawn(process.execPath, [MAIN, "proxy", "--config", file], {
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    children.push(child);
    let said = "";
    child.stderr!.setEncoding("utf8").on("data", (text) => (said += text));
    const isUp = (): boolean => (more === "" ? isReady(name) : hasPort(name));
    await until(`${name} is ready`, isUp, { ...LIMIT, seen: () => said });
    return child;
  }

  /** As `isobar capture` does. */
  const report = (current: string, echoPort = backend.port): void =>
    writeRunFile(join(folder, "capture.json"), {
      format: 1,
      writtenMs: Date.now(),
      current,
      echoPort,
      generations: ["first", "second"].map((name) => ({ generation: name, planVersion: planOf(name) })),
    });
  const planOf = (name: string): string => {
    try {
      return (read(name, "plan.json") as { version: string }).version;
    } catch {
      return "";
    }
  };

  function client(name: string, host: string, source: string): RawClient {
    const made = new RawClient(generation(name).port, {}, source, host);
    clients.push(made);
    return made;
  }

  /** What a generation's own socket says. */
  const ask = (name: string, path: string) =>
    new Promise<string>((resolve, reject) => {
      const socketPath = join(folder, name, "admin.sock");
      request({ socketPath, path, headers: { host: "localhost" } }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part) => (text += part));
        response.on("end", () => resolve(text));
      })
        .on("error", reject)
        .end();
    });
  const admin = async (name: string) =>
    JSON.parse(await ask(name, "/capture")) as {
      ledgers: { state: string }[];
      isCurrent: boolean;
      planInForce: string;
    };

  it("writes what is to be captured, serves it on a port of its own, and shows by canaries that every thread lives", async () => {
    await start("first");
    const plan = read("first", "plan.json") as Record<string, unknown>;
    assert.deepEqual(plan["services"], [
      { service: "echo.default:50051", addresses: ["10.99.0.1"], port: 50051, anyIp4: ECHO, anyIp6: "" },
    ]);
    assert.deepEqual(plan["door"], { ipv4: "127.18.255.1", ipv6: "fd00:77::ff01" });
    assert.deepEqual(plan["entries"], [
      { address: "169.254.77.1", port: 15_001 },
      { address: "192.0.2.7", port: 15_001 },
    ]);
    assert.equal((await client("first", ECHO, POD).call(MESSAGE, { ":authority": "foreign:1" })).status, 0);
    report("first");
    const workers = new Set<string>();
    await until(
      "every thread has answered a canary",
      async () => {
        const answer = await client("first", CANARY, CANARY).call(MESSAGE);
        if (answer.status === 0) workers.add(String(backend.metadata.get("x-isobar-worker")[0]));
        return workers.size === 2;
      },
      LIMIT,
    );
    await until(
      "the plan is known to be in force",
      async () => (await admin("first")).planInForce === planOf("first"),
    );
  });

  it("leaves when another generation has taken its place: what is under way ends, and nothing is lost", async () => {
    const first = await start("first");
    const exited = new Promise((resolve) => first.on("exit", resolve));
    report("first");
    const one = client("first", ECHO, POD);
    const stream = one.open({ ":path": "/test.Echo/Chat" });
    const answer = answerOf(stream);
    stream.write(MESSAGE);
    await until("the stream is open", () => backend.calls === 1);
    await until("it is current", async () => (await admin("first")).isCurrent);
    await start("second");
    report("second");
    await until("the first one leaves", () => generation("first").draining, LIMIT);
    await until("its clients are asked to go", () => one.goaway === 0, LIMIT);
    // It keeps its port, for whoever was on the way, and serves the stream.
    assert.equal((await client("first", ECHO, POD).call(MESSAGE)).status, 0);
    stream.end(MESSAGE);
    assert.equal((await answer).status, 0);
    for (const client of clients) client.close();
    assert.equal(await exited, 0);
    assert.ok(!existsSync(join(folder, "first", "generation.json")));
    const { records, whole } = readLedger(readFileSync(join(folder, "ledger", "first.jsonl"), "utf8"));
    const { kind, accepted, finished, open } = records.at(-1)!;
    assert.deepEqual([whole, kind, accepted, open, finished], [true, "closed", 2, 0, { 0: 2 }]);
    assert.deepEqual((await admin("second")).ledgers.map(({ state }) => state).sort(), ["alive", "closed"]);
  });

  it("is not ready for its node's traffic before a control plane has said who calls and what is captured", async () => {
    // Nobody listens there.
    const child = await start(
      "first",
      true,
      "controlPlane: { addresses: ['127.0.0.1:1'], insecure: true }\n",
    );
    const { planInForce } = await admin("first");
    assert.equal(planInForce, "");
    const [before] = [generation("first") as Generation & { readonly writtenMs: number }];
    await until(
      "it has looked again",
      () => (generation("first") as typeof before).writtenMs > before.writtenMs + 1_000,
    );
    assert.equal(generation("first").ready, false);
    const said =
      "the control plane has not said yet which pods of this node call, and which services are captured";
    await until("/ready says so", async () => (await ask("first", "/ready")).includes(said), LIMIT);
    child.kill("SIGTERM");
  });

  it("waits before it leaves until the node's traffic is led elsewhere", async () => {
    const first = await start("first");
    report("first");
    await until("it is current", async () => (await admin("first")).isCurrent);
    const one = client("first", ECHO, POD);
    assert.equal((await one.call(MESSAGE)).status, 0);
    const exited = new Promise((resolve) => first.on("exit", resolve));
    const refresh = setInterval(() => existsSync(join(folder, "first")) && report("first"), 100);
    first.kill("SIGTERM");
    await until("it says that it leaves", () => generation("first").draining, LIMIT);
    assert.equal((await one.call(MESSAGE)).status, 0);
    assert.equal(one.goaway, -1, "clients stay until then");
    clearInterval(refresh);
    writeRunFile(join(folder, "capture.json"), { format: 1, writtenMs: Date.now(), current: null });
    await until("asked to go", () => one.goaway === 0, LIMIT);
    one.close();
    assert.equal(await exited, 0);
  });
});
