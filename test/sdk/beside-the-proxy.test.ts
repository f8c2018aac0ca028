import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { credentials, ServerCredentials } from "@grpc/grpc-js";
import { missingOpenssl, TestAuthority } from "../support/test-authority.ts";
import { eventually } from "./harness/eventually.ts";
import { NAME_METHOD, SdkBackend } from "./harness/sdk-backend.ts";
import { SdkCaller } from "./harness/sdk-caller.ts";
import { SdkRig } from "./harness/sdk-rig.ts";

describe("a program with isobar/client, as the proxy does,", () => {
  const backends: SdkBackend[] = [];
  let rig: SdkRig;

  before(async () => {
    for (const name of ["first", "second"]) backends.push(await SdkBackend.start(name));
    rig = await SdkRig.start();
  });
  after(async () => {
    for (const backend of backends) backend.stop();
    await rig[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    await rig.reset();
    for (const backend of backends) Object.assign(backend, { calls: 0, delayMs: 0 });
  });

  const all = (): object[] => backends.map(({ address }) => ({ address, zone: "a", region: "r" }));

  it("reports what its calls come to, and what it has open at which endpoints, until it is closed", async () => {
    const name = "load.default:1";
    rig.serve(name, all());
    rig.configure({ zone: "a", region: "r" });
    const echo = await rig.open(name);
    const streams = [await echo.watch(), await echo.watch(), await echo.watch()];
    const load = () => rig.controlPlane.load(name);
    await eventually(async () => {
      const found = await load();
      return (
        found?.callers === 1 && found.places.some(({ zone, inFlight }) => zone === "a" && inFlight === 3)
      );
    }, load);
    await eventually(async () => {
      await echo.call();
      return ((await load())?.requestsPerSecond ?? 0) > 0;
    }, load);
    for (const stream of streams) stream.on("error", () => {}).cancel();
    await rig.reset();
    await eventually(async () => (await load()) === undefined, load);
  });

  it("asks a second endpoint where the first is slow, for methods that may be asked twice", async () => {
    const [slow, quick] = backends as [SdkBackend, SdkBackend];
    const name = "hedged.default:1";
    const hedging = { methods: [NAME_METHOD], attempts: 2, delay: "50ms" };
    rig.serve(name, all(), { hedging });
    rig.configure();
    const echo = await rig.open(name);
    await echo.spread(6);
    Object.assign(slow, { delayMs: 5_000, calls: 0 });
    const begunMs = performance.now();
    for (let i = 0; i < 16; i++) assert.equal((await echo.call()).name, quick.name);
    assert.ok(performance.now() - begunMs < 4_000, "no call waited for the slow one");
    assert.ok(slow.calls > 0, "calls began at the slow one");
  });

  it("asks nobody twice for other methods", async () => {
    const [slow] = backends as [SdkBackend];
    const name = "once.default:1";
    rig.serve(name, all(), { hedging: { methods: ["/test.Echo/Other"], attempts: 2, delay: "10ms" } });
    rig.configure();
    const echo = await rig.open(name);
    for (const each of backends) each.delayMs = 100;
    for (let i = 0; i < 6; i++) await echo.call();
    assert.equal(slow.calls + backends[1]!.calls, 6);
  });

  describe("with TLS at its endpoints", () => {
    const missing = missingOpenssl();
    const { CI } = process.env;
    const skip = missing !== undefined && CI === undefined ? missing : false;

    it("believes a certificate for the service's name, or for the one that its channel names, and no other", {
      skip,
    }, async () => {
      const authority = new TestAuthority();
      const { cert, key } = authority.issue({ subjectAltNames: ["DNS:tls.default"] });
      const shown = ServerCredentials.createSsl(null, [
        { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) },
      ]);
      const backend = await SdkBackend.start("secret", 0, shown);
      const trusted = credentials.createSsl(Buffer.from(authority.ca));
      const endpoints = [{ address: backend.address }];
      for (const name of ["tls.default:1", "alias.default:1"]) rig.serve(name, endpoints);
      rig.configure();
      for (const name of ["tls.default:1", "alias.default:1"]) await rig.open(name);
      const callers: SdkCaller[] = [];
      const call = (name: string, options = {}, proof = trusted) => {
        const caller = new SdkCaller(`isobar:///${name}`, options, proof);
        callers.push(caller);
        return caller.call();
      };
      try {
        assert.equal((await call("tls.default:1")).name, "secret");
        const other = await call("alias.default:1");
        assert.deepEqual([other.name, other.code], ["", 14]);
        assert.match(other.details, /altnames/);
        const named = await call("alias.default:1", { "grpc.ssl_target_name_override": "tls.default" });
        assert.equal(named.name, "secret", named.details);
        const clear = await call("tls.default:1", {}, credentials.createInsecure());
        assert.equal(clear.code, 14);
      } finally {
        for (const each of callers) each.close();
        backend.stop();
        authority.remove();
      }
    });
  });
});
