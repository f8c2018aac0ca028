import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Metadata, status } from "@grpc/grpc-js";
import { close, explain } from "../../src/sdk/client.ts";
import { missingOpenssl, TestAuthority } from "../support/test-authority.ts";
import { eventually } from "./harness/eventually.ts";
import { NodeProxy } from "./harness/node-proxy.ts";
import { SdkBackend } from "./harness/sdk-backend.ts";
import { SdkRig } from "./harness/sdk-rig.ts";
import { StaticControlPlane } from "./harness/static-control-plane.ts";

const ECHO = "echo.default:50051";
const needsOpenssl = missingOpenssl() ?? false;

describe("a program whose control plane is away", () => {
  let rig: SdkRig;
  let first: SdkBackend;
  let second: SdkBackend;

  before(async () => {
    first = await SdkBackend.start("first");
    second = await SdkBackend.start("second");
    rig = await SdkRig.start();
    rig.serve(ECHO, [{ address: first.address }]);
  });
  after(async () => {
    first.stop();
    second.stop();
    await rig[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    await rig.reset();
    if (!rig.controlPlane.isRunning) await rig.controlPlane.start();
  });

  it("calls through the node's proxy when it starts, and the endpoints themselves when it comes", async () => {
    await using proxy = await NodeProxy.start({
      clusters: [{ name: ECHO, endpoints: [{ address: second.address }] }],
    });
    await rig.controlPlane.stop();
    const said: string[] = [];
    rig.configure({ address: proxy.address, fallbackAfterMs: 100, log: (_, message) => said.push(message) });
    const echo = rig.caller(ECHO);
    assert.deepEqual(await echo.call(), { name: "second", code: 0, details: "" });
    assert.equal(rig.service(ECHO)?.state, "node");
    assert.equal(explain().controlPlane?.connected, false);
    assert.ok(
      said.includes(
        "no control plane has said where the service is, calls go to the node's proxy until there is one",
      ),
    );
    const stream = await echo.watch();
    stream.on("error", () => {});

    await rig.controlPlane.start();
    await eventually(
      () => rig.service(ECHO)?.state === "cluster",
      () => [explain(), said],
    );
    assert.deepEqual(await echo.spread(10), { first: 10 });
    // What was begun goes on where it is.
    assert.equal(stream.destroyed, false);
    stream.cancel();
  });

  it("goes through the node's proxy for good where no control plane is configured", async () => {
    await using proxy = await NodeProxy.start({
      clusters: [{ name: ECHO, endpoints: [{ address: second.address }] }],
    });
    rig.configure({ controlPlane: [], insecure: false, address: proxy.address });
    const echo = rig.caller(ECHO);
    assert.deepEqual(await echo.spread(5), { second: 5 });
    assert.equal(explain().controlPlane, undefined);
  });

  it("fails with the reason where there is no proxy either; what waits for ready gets through when it comes", async () => {
    await rig.controlPlane.stop();
    rig.configure({ address: "", fallbackAfterMs: 100 });
    const echo = rig.caller(ECHO);
    const { code, details } = await echo.call();
    assert.equal(code, status.UNAVAILABLE);
    assert.match(
      details,
      /isobar: echo.default:50051: no control plane has said where it is: no answer within 100 ms/,
    );
    const patient = new Metadata({ waitForReady: true });
    const waiting = echo.call(patient);
    await rig.controlPlane.start();
    assert.deepEqual(await waiting, { name: "first", code: 0, details: "" });
  });

  it("goes on with what it knows when it goes, and takes up what is new when it is back", async () => {
    rig.configure();
    const echo = await rig.open(ECHO);
    assert.deepEqual(await echo.spread(3), { first: 3 });
    await rig.controlPlane.stop();
    await eventually(() => explain().controlPlane?.connected === false);
    assert.deepEqual(await echo.spread(10), { first: 10 });
    rig.serve(ECHO, [{ address: second.address }]);
    await rig.controlPlane.start();
    await eventually(
      () => rig.endpoint(ECHO, second) !== undefined,
      () => explain(),
    );
    assert.deepEqual(await echo.spread(10), { second: 10 });
    rig.serve(ECHO, [{ address: first.address }]);
  });

  it("starts with what it knew the last time, where it has a file for it", async () => {
    const snapshotFile = join(rig.controlPlane.folder, "known.xds");
    rig.configure({ snapshotFile });
    const echo = await rig.open(ECHO);
    await eventually(async () => (await echo.call()).name === "first");
    await rig.reset();

    await rig.controlPlane.stop();
    rig.configure({ snapshotFile, fallbackAfterMs: 60_000 });
    const again = rig.caller(ECHO);
    assert.deepEqual(await again.spread(5), { first: 5 });
    await close();

    const octets = readFileSync(snapshotFile);
    octets[octets.length - 1]! ^= 1;
    writeFileSync(snapshotFile, octets);
    const said: string[] = [];
    rig.configure({
      snapshotFile,
      fallbackAfterMs: 100,
      address: "",
      log: (_, message) => said.push(message),
    });
    assert.equal((await rig.caller(ECHO).call()).code, status.UNAVAILABLE);
    assert.ok(said.includes("the snapshot on disk is of no use, and not used"), JSON.stringify(said));
  });

  it("speaks TLS, and says why it trusts nobody else", { skip: needsOpenssl }, async () => {
    const authority = new TestAuthority();
    const stranger = new TestAuthority();
    const { certFile, keyFile } = authority.issue({ subjectAltNames: ["DNS:isobar.test"] });
    const services = JSON.stringify({ clusters: [{ name: ECHO, endpoints: [{ address: first.address }] }] });
    const flags = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--client-auth", "none"];
    await using secured = await StaticControlPlane.start(services, flags);
    rig.configure({
      controlPlane: secured.address,
      insecure: false,
      caFile: authority.caFile,
      serverName: "isobar.test",
    });
    const echo = await rig.open(ECHO);
    assert.deepEqual(await echo.spread(3), { first: 3 });
    await rig.reset();

    rig.configure({
      controlPlane: secured.address,
      insecure: false,
      caFile: stranger.caFile,
      serverName: "isobar.test",
      fallbackAfterMs: 3_000,
      address: "",
    });
    const { code, details } = await rig.caller(ECHO).call();
    assert.equal(code, status.UNAVAILABLE);
    assert.match(details, /certificate|self.signed|unable to/i);
  });
});
