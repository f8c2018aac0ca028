import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseAllDocuments } from "yaml";
import { REPOSITORY } from "../clients/harness/paths.ts";
import { until } from "../e2e/harness/until.ts";
import type { Manifest, Stored } from "../kube/harness/kube-writer.ts";
import { BoxCluster } from "./harness/box-cluster.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import type { BoxService } from "./harness/box-service.ts";
import { current, DOOR } from "./harness/box-shop.ts";
import { LAUNCHER } from "./harness/logged-program.ts";
import { boxSuite } from "./harness/missing-for-box.ts";

/** How many Pods start; 200 take four minutes. */
const { ISOBAR_POD_STARTS = "16" } = process.env;
const STARTS = Number(ISOBAR_POD_STARTS);
const AT_ONCE = 4;
const LIMIT_MS = 30_000;
/** A server that writes down where its connections come from. */
const SERVER = `const { appendFileSync } = require("node:fs");
require("node:net").createServer((socket) => {
  appendFileSync(process.argv[1], socket.remoteAddress.replace("::ffff:", "") + "\\n");
  socket.on("error", () => {}).end("served\\n");
}).listen(Number(process.argv[2]), "::", () => console.log("ready"));`;

interface StoredPod extends Stored {
  readonly spec: { readonly initContainers?: readonly { readonly args: readonly string[] }[] };
}

describe("Pods that call as soon as they start", boxSuite([]), () => {
  let box: BoxCluster;
  let plain: BoxService;
  let journal: string;
  let pods = 0;

  before(async () => {
    box = await BoxCluster.open(1);
    await box.namespace("shop", { mode: "transparent" });
    await box.namespace("backends");
    plain = await box.service("backends", "plain");
    journal = join(box.folder, "connections");
    writeFileSync(journal, "");
    const backend = await box.pod("backends", "plain-1");
    const args = ["-e", SERVER, journal, String(plain.port)];
    await backend.run({ command: process.execPath, args }, []).waitForOutput(/ready/, LIMIT_MS);
    await plain.add(backend);
    await startIsobar();
  });
  after(() => box?.[Symbol.asyncDispose]());

  async function startIsobar(): Promise<void> {
    for (const object of deployed("webhook/rbac.yaml")) await box.writer.apply(object);
    const controlPlane = await box.startControlPlane("--webhook", "127.0.0.1:0");
    const [line] = await controlPlane.logged(/"message":"serving xDS"/);
    const { webhook } = JSON.parse(line!) as { readonly webhook: string };
    await box.writer.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace: "isobar-system", name: "isobar-control-plane" },
      spec: { clusterIP: "127.0.0.1", clusterIPs: ["127.0.0.1"], ports: [{ port: 443, protocol: "TCP" }] },
    });
    // Nothing in front of this API server translates a Service's port.
    const port = `port: ${webhook.split(":")[1]}`;
    for (const object of deployed("webhook/webhook.yaml", (text) => text.replace("port: 443", port)))
      await box.writer.apply(object);
    const [node] = box.nodes;
    const proxy = node!.startProxy();
    node!.startCapture();
    await proxy.ready();
    await current(node!, proxy.generation);
    await until("the API server asks the webhook", async () => {
      const { wait } = await startPod();
      return wait !== undefined;
    });
  }

  /** Does what the API server and a kubelet do, up to the first container. @returns the Pod and how it is to wait. */
  async function startPod(): Promise<{
    readonly pod: BoxPod;
    readonly wait: readonly string[] | undefined;
  }> {
    const name = `caller-${pods++}`;
    const pod = await box.pod("shop", name);
    const object = { apiVersion: "v1", kind: "Pod", metadata: { namespace: "shop", name } };
    const { spec } = (await box.writer.get(object)) as StoredPod;
    return { pod, wait: spec.initContainers?.[0]?.args };
  }

  /** @returns where its connection came from, as the server saw it. */
  async function call(pod: BoxPod): Promise<void> {
    const [address] = plain.addresses;
    const script = `exec 3<>/dev/tcp/${address}/${plain.port}; echo hello >&3; cat <&3`;
    const { stdout, stderr } = await pod
      .run({ command: "bash", args: ["-c", script] }, [])
      .waitForEnd(LIMIT_MS);
    assert.equal(stdout, "served\n", stderr);
  }

  function came(): readonly string[] {
    return readFileSync(journal, "utf8").split("\n").slice(0, -1);
  }

  it("do so by the proxy from the first connection on, for they waited", async (context) => {
    const takenMs: number[] = [];
    const addresses = new Set<string>();
    const runs = Array.from({ length: AT_ONCE }, async (_, worker) => {
      for (let start = worker; start < STARTS; start += AT_ONCE) {
        const { pod, wait } = await startPod();
        addresses.add(pod.addresses[0]);
        assert.deepEqual(wait, ["wait", "--address", DOOR]);
        const program = { command: process.execPath, args: [LAUNCHER, ...wait!] };
        const { code, stdout, stderr } = await pod.run(program, []).waitForEnd(LIMIT_MS);
        assert.equal(code, 0, stderr);
        const [, ms] = /captured after (\d+) ms/.exec(stdout) ?? [];
        assert.ok(ms !== undefined, stdout);
        takenMs.push(Number(ms));
        await call(pod);
      }
    });
    await Promise.all(runs);
    takenMs.sort((a, b) => a - b);
    const at = (share: number) => takenMs[Math.min(STARTS - 1, Math.floor(STARTS * share))];
    context.diagnostic(`${STARTS} Pods waited ${at(0.5)} ms (p50), ${at(0.99)} ms (p99)`);
    const past = came().filter((address) => addresses.has(address));
    assert.deepEqual(past, [], "connections that the server saw to come from Pods themselves");
    assert.equal(came().length, STARTS);
  });

  it("and past it those do that are not captured", async () => {
    const pod = await box.pod("backends", "stranger");
    await call(pod);
    assert.equal(came().at(-1), pod.addresses[0]);
  });
});

function deployed(file: string, change: (text: string) => string = (text) => text): readonly Manifest[] {
  const text = readFileSync(join(REPOSITORY, "deploy", file), "utf8");
  return parseAllDocuments(change(text)).map((document) => document.toJS() as Manifest);
}
