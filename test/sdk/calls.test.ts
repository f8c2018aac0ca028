import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { Metadata, status } from "@grpc/grpc-js";
import { explain } from "../../src/sdk/client.ts";
import { eventually } from "./harness/eventually.ts";
import { SdkBackend } from "./harness/sdk-backend.ts";
import { SdkRig } from "./harness/sdk-rig.ts";

describe("a program with isobar/client", () => {
  const backends: SdkBackend[] = [];
  let rig: SdkRig;
  let first: SdkBackend;
  let second: SdkBackend;
  let third: SdkBackend;

  before(async () => {
    for (const name of ["first", "second", "third"]) backends.push(await SdkBackend.start(name));
    [first, second, third] = backends as [SdkBackend, SdkBackend, SdkBackend];
    rig = await SdkRig.start();
  });
  after(async () => {
    for (const backend of backends) backend.stop();
    await rig[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    await rig.reset();
    for (const backend of backends)
      Object.assign(backend, {
        failWith: 0,
        failures: Number.POSITIVE_INFINITY,
        delayMs: 0,
        report: "",
        calls: 0,
      });
  });

  const all = (): object[] => backends.map(({ address }) => ({ address }));

  it("calls the endpoints themselves, in equal parts from the first call on", async () => {
    rig.serve("even.default:1", all());
    rig.configure();
    const echo = await rig.open("even.default:1");
    const called = await Promise.all(Array.from({ length: 60 }, () => echo.call()));
    for (const { name } of backends) {
      const calls = called.filter((each) => each.name === name).length;
      assert.ok(calls >= 12, `${name}: ${calls} of ${JSON.stringify(called[0])}`);
    }
    assert.deepEqual(Object.keys(await echo.spread(60)).sort(), ["first", "second", "third"]);
    const { controlPlane } = explain();
    assert.deepEqual(controlPlane, { address: rig.controlPlane.address, connected: true });
    const endpoints = rig.service("even.default:1")!.clusters[0]!.endpoints;
    assert.equal(
      endpoints.reduce((sum, { requests }) => sum + requests, 0),
      120,
    );
    assert.ok(endpoints.every(({ inFlight, errors }) => inFlight === 0 && errors === 0));
  });

  it("stays in its own zone, and leaves it when that has nobody left", async () => {
    const zoned = [
      { address: first.address, zone: "a", region: "r" },
      { address: second.address, zone: "b", region: "r" },
      { address: third.address, zone: "b", region: "r" },
    ];
    rig.serve("zones.default:1", zoned);
    rig.configure({ zone: "a", region: "r" });
    const echo = await rig.open("zones.default:1");
    assert.deepEqual(await echo.spread(30), { first: 30 });
    rig.serve("zones.default:1", [{ ...zoned[0], health: "draining" }, zoned[1]!, zoned[2]!]);
    await eventually(() => rig.endpoint("zones.default:1", first)?.leftOut === "draining, says discovery");
    assert.deepEqual(Object.keys(await echo.spread(30)).sort(), ["second", "third"]);
  });

  it("gives nothing new to an endpoint that is leaving, and lets it finish what it has", async () => {
    rig.serve("leaving.default:1", [{ address: first.address }]);
    rig.configure();
    const echo = await rig.open("leaving.default:1");
    const stream = await echo.watch();
    let ended = false;
    stream.on("end", () => (ended = true)).on("error", () => (ended = true));
    rig.serve("leaving.default:1", [{ address: second.address }]);
    await eventually(() => rig.endpoint("leaving.default:1", second) !== undefined);
    assert.deepEqual(await echo.spread(20), { second: 20 });
    assert.equal(ended, false);
    assert.equal(rig.endpoint("leaving.default:1", first), undefined);
    stream.cancel();
  });

  it("ejects an endpoint that keeps failing, and takes it back after its trial", async () => {
    rig.serve("failing.default:1", all(), {
      outlierDetection: { consecutiveFailures: 3, baseEjectionMs: 300, maxEjectionMs: 300 },
    });
    rig.configure();
    const echo = await rig.open("failing.default:1");
    await echo.spread(12);
    first.failWith = status.UNAVAILABLE;
    const during = await echo.spread(60);
    // Each trial may fail once more.
    assert.ok((during["code 14"] ?? 0) <= 3 + 6, JSON.stringify(during));
    assert.ok(rig.endpoint("failing.default:1", first)!.errors >= 3);
    first.failWith = 0;
    await eventually(async () => {
      await echo.spread(3);
      return rig.endpoint("failing.default:1", first)!.leftOut === "";
    });
    await eventually(async () => "first" in (await echo.spread(30)));
  });

  it("loses no call when an endpoint cannot be connected to, and uses it when it can", async () => {
    const port = (await SdkBackend.start("gone")).stopAndGivePort();
    rig.serve("dead.default:1", [...all(), { address: `127.0.0.1:${port}` }]);
    rig.configure();
    const echo = await rig.open("dead.default:1");
    assert.deepEqual(Object.keys(await echo.spread(60)).sort(), ["first", "second", "third"]);
    const dead = () =>
      rig
        .service("dead.default:1")!
        .clusters[0]!.endpoints.find(({ endpoint }) => endpoint.endsWith(`:${port}`))!;
    await eventually(() => dead().leftOut === "set aside: it could not be connected to", dead);
    const back = await SdkBackend.start("back", port);
    await eventually(async () => "back" in (await echo.spread(10)), dead);
    back.stop();
  });

  it("fails at once where nobody can be connected to, and says why", async () => {
    const port = (await SdkBackend.start("gone")).stopAndGivePort();
    rig.serve("nobody.default:1", [{ address: `127.0.0.1:${port}` }]);
    rig.configure();
    const echo = await rig.open("nobody.default:1");
    const { code, details } = await echo.call();
    assert.equal(code, status.UNAVAILABLE);
    assert.match(
      details,
      new RegExp(`isobar: no endpoint of cluster nobody.default:1 .*127.0.0.1:${port}: .*ECONNREFUSED`),
    );
  });

  it("tells a service that does not exist from others, and finds it when it comes", async () => {
    rig.configure();
    const echo = await rig.open("none.default:1", ["absent"]);
    const { code, details } = await echo.call();
    assert.equal(code, status.UNAVAILABLE);
    assert.match(details, /isobar: none.default:1: there is no such service/);
    rig.serve("none.default:1", all());
    await eventually(async () => (await echo.call()).code === 0);
  });

  it("retries, and limits the time, as the service says", async () => {
    rig.serve("retried.default:1", all(), {
      retries: { attempts: 3, retryOn: "unavailable", backoffBase: "1ms", backoffMax: "5ms" },
      timeouts: { request: "300ms" },
    });
    rig.configure();
    const echo = await rig.open("retried.default:1");
    Object.assign(first, { failWith: status.UNAVAILABLE, failures: 3 });
    const { "code 14": failed = 0 } = await echo.spread(30);
    assert.equal(failed, 0);
    for (const backend of backends) backend.delayMs = 2_000;
    const { code } = await echo.call();
    assert.equal(code, status.DEADLINE_EXCEEDED);
  });

  it("keeps calls of one user together where the policy hashes", async () => {
    rig.serve("hashed.default:1", all(), {
      loadBalancer: { policy: "ring_hash", hash: { keys: [{ header: "x-user" }] } },
    });
    rig.configure();
    const echo = await rig.open("hashed.default:1");
    const used = new Set<string>();
    for (let user = 0; user < 12; user++) {
      const metadata = new Metadata();
      metadata.set("x-user", `user-${user}`);
      const names = new Set<string>();
      for (let call = 0; call < 5; call++) names.add((await echo.call(metadata)).name);
      assert.equal(names.size, 1, `user ${user}: ${[...names].join()}`);
      used.add([...names][0]!);
    }
    assert.ok(used.size > 1);
  });

  it("follows routes: by method and header, to labelled endpoints, with changed headers", async () => {
    const routed = "routed.default:1";
    rig.serve(routed, [
      { address: first.address, labels: { version: "1" } },
      { address: second.address, labels: { version: "2" } },
    ]);
    rig.serve("canary.default:1", [{ address: third.address }]);
    rig.route({
      name: "canary",
      authorities: [routed],
      matches: [{ method: "/test.Echo/Name", headers: [{ name: "x-canary", present: true }] }],
      clusters: [{ name: "canary.default:1" }],
      requestHeaders: { set: { "x-was": "canary" }, remove: ["x-canary"] },
    });
    rig.route({
      name: "by-version",
      authorities: [routed],
      matches: [{ headers: [{ name: "x-version", present: true }] }],
      endpoints: { labelsFromHeaders: { version: "x-version" }, fallback: "fail" },
    });
    rig.configure();
    const echo = await rig.open(routed, ["routes"]);
    const withHeader = (name: string, value: string): Metadata => {
      const metadata = new Metadata();
      metadata.set(name, value);
      return metadata;
    };
    await eventually(async () => (await echo.call(withHeader("x-canary", "yes"))).name === "third");
    assert.deepEqual([third.metadata.get("x-was"), third.metadata.get("x-canary")], [["canary"], []]);
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(await echo.call(withHeader("x-version", "2")), {
        name: "second",
        code: 0,
        details: "",
      });
      assert.equal((await echo.call(withHeader("x-version", "1"))).name, "first");
    }
    const { code, details } = await echo.call(withHeader("x-version", "3"));
    assert.equal(code, status.UNAVAILABLE);
    assert.match(details, /no endpoint with the labels of route by-version/);
    assert.deepEqual(Object.keys(await echo.spread(20)).sort(), ["first", "second"]);
  });

  it("weighs endpoints by what they report", async () => {
    rig.serve("reported.default:1", [{ address: first.address }, { address: second.address }], {
      loadBalancer: {
        policy: "client_side_weighted_round_robin",
        loadReports: { blackoutMs: 0, weightUpdateMs: 100 },
      },
    });
    rig.configure();
    const echo = await rig.open("reported.default:1");
    first.report = "TEXT rps_fractional=100, application_utilization=0.9";
    second.report = "TEXT rps_fractional=100, application_utilization=0.1";
    await eventually(
      async () => {
        const { first: busy = 0, second: free = 0 } = await echo.spread(40);
        return free > 4 * busy;
      },
      () => explain(),
    );
  });

  it("measures a stream by when its answer begins, not by how long it lasts", async () => {
    rig.serve("streams.default:1", [{ address: first.address }, { address: second.address }], {
      loadBalancer: { policy: "least_request", metric: "peak_ewma" },
    });
    rig.configure();
    const echo = await rig.open("streams.default:1");
    second.delayMs = 200;
    const streams = await Promise.all(Array.from({ length: 4 }, () => echo.watch()));
    for (const stream of streams) {
      stream.on("error", () => {});
      stream.cancel();
    }
    first.calls = 0;
    second.calls = 0;
    second.delayMs = 0;
    await echo.spread(20);
    assert.ok(first.calls >= 18, `${first.calls} and ${second.calls}`);
  });
});
