import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Child } from "../clients/harness/child.ts";

const launcher = fileURLToPath(new URL("../../src/cli/launch.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "isobar-control-plane-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const LIMIT_MS = 60_000;
const FREE = ["--address", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

function fileWith(text: string): string {
  const file = join(folder, "services.yaml");
  writeFileSync(file, text);
  return file;
}

function controlPlane(...args: string[]): Child {
  return new Child({ command: process.execPath, args: [launcher, "control-plane"] }, args);
}

const good = "clusters: [{ name: 'a:1', endpoints: [{ address: 10.0.0.1:1 }] }]";

describe("isobar control-plane", () => {
  it("serves a file until it is told to end, and warns of --insecure", async () => {
    const log = join(folder, "log");
    const shell = `exec "$0" "$@" 2>"${log}"`;
    const args = [launcher, "control-plane", "--static", fileWith(good), "--insecure", ...FREE];
    const child = new Child({ command: "sh", args: ["-c", shell, process.execPath] }, args);
    const { readFile } = await import("node:fs/promises");
    const end = performance.now() + LIMIT_MS;
    let text = "";
    while (!text.includes("clear text")) {
      assert.ok(performance.now() < end, text);
      await new Promise((resolve) => setTimeout(resolve, 50));
      text = await readFile(log, "utf8").catch(() => "");
    }
    const admin = /"admin":"([^"]+)"/.exec(text)?.[1];
    const get = async (path: string) => await (await fetch(`http://${admin}${path}`)).text();
    assert.equal(await get("/ready"), "ready\n");
    assert.match(await get("/stats"), /^services: 1\nendpoints: 1\n/);
    assert.equal(await get("/xds/status"), "no clients\n");
    assert.match(await get("/nothing"), /does not exist; what exists:/);
    assert.equal((await child.stop()).code, 0);
  });

  it("opens no port without a certificate or --insecure, and says what it wants", async () => {
    const { code, stderr } = await controlPlane("--static", fileWith(good), ...FREE).waitForEnd(LIMIT_MS);
    assert.deepEqual([code, stderr.split(":")[0]], [64, "--tls-cert-file"]);
  });

  it("waits for Kubernetes with its certificate, and leaves when it is told to", async () => {
    const cluster = { server: "https://127.0.0.1:1", "insecure-skip-tls-verify": true };
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster }],
      users: [{ name: "u", user: { token: "t" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "isobar-system" } }],
      "current-context": "x",
    };
    const file = join(folder, "kubeconfig");
    writeFileSync(file, JSON.stringify(config));
    const log = join(folder, "waiting.log");
    const shell = { command: "sh", args: ["-c", `exec "$0" "$@" 2>"${log}"`, process.execPath, launcher] };
    const child = new Child(shell, ["control-plane", "--kubeconfig", file, ...FREE]);
    const { readFile } = await import("node:fs/promises");
    const end = performance.now() + LIMIT_MS;
    let text = "";
    while (!text.includes("authority cannot be looked after")) {
      assert.ok(performance.now() < end, text);
      await new Promise((resolve) => setTimeout(resolve, 50));
      text = await readFile(log, "utf8").catch(() => "");
    }
    child.signal("SIGTERM");
    const { code } = await child.waitForEnd(LIMIT_MS);
    assert.equal(code, 0, await readFile(log, "utf8"));
  });

  it("refuses a wrong file with its line, and a wrong address", async () => {
    const file = fileWith("clusters: [{ name: 'a:1', endpoints: [{ address: nowhere }] }]");
    const wrong = await controlPlane("--static", file, "--insecure", ...FREE).waitForEnd(LIMIT_MS);
    assert.equal(wrong.code, 64);
    assert.match(
      wrong.stderr,
      /services\.yaml:1:\d+: clusters\[0\]\.endpoints\[0\]\.address: found "nowhere"/,
    );
    const address = await controlPlane("--static", file, "--insecure", "--address", "here").waitForEnd(
      LIMIT_MS,
    );
    assert.equal(address.code, 64);
    assert.match(address.stderr, /Found "here", wanted ip:port/);
  });

  it("ends with 71 where its address is taken", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const taken = `127.0.0.1:${(holder.address() as AddressInfo).port}`;
    const args = ["--static", fileWith(good), "--insecure", "--admin", "127.0.0.1:0", "--address", taken];
    const { code, stderr } = await controlPlane(...args).waitForEnd(LIMIT_MS);
    holder.close();
    assert.equal(code, 71, stderr);
    assert.match(stderr, new RegExp(`${taken} cannot be bound`));
  });
});
