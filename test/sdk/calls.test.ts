import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { Metadata, status } from "@grpc/grpc-js";
import { close, configure, explain } from "../../src/sdk/client.ts";
import { eventually } from "./harness/eventually.ts";
import { SdkBackend } from "./harness/sdk-backend.ts";
import { SdkCaller } from "./harness/sdk-caller.ts";
import { StaticControlPlane } from "./harness/static-control-plane.ts";

const ECHO = "echo.default:50051";
const TARGET = `isobar:///${ECHO}`;

/** A cluster of the file. */
function cluster(endpoints: readonly object[], more: object = {}, name = ECHO): object {
  return { name, endpoints, ...more };
}

function services(...clusters: object[]): string {
  return JSON.stringify({ clusters });
}

const quiet = { insecure: true, log: () => {} } as const;

describe("a program with isobar/client", () => {
  const backends: SdkBackend[] = [];
  const callers: SdkCaller[] = [];
  let controlPlane: StaticControlPlane;

  before(async () => {
    for (const name of ["first", "second", "third"]) backends.push(await SdkBackend.start(name));
    controlPlane = await StaticControlPlane.start(
      services(cluster(backends.map(({ address }) => ({ address })))),
    );
  });
  after(async () => {
    for (const backend of backends) backend.stop();
    await controlPlane[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    for (const caller of callers.splice(0)) caller.close();
    await close();
    for (const backend of backends)
      Object.assign(backend, { failWith: 0, failures: Number.POSITIVE_INFINITY, delayMs: 0, report: "" });
  });

  function caller(target = TARGET): SdkCaller {
    const made = new SdkCaller(target);
    callers.push(made);
    return made;
  }

  /** Serves other services, and waits until the program knows. */
  async function serve(text: string, isKnown: () => boolean): Promise<void> {
    controlPlane.write(text);
    await eventually(isKnown, () => explain());
  }

  const endpoints = () => explain().services[0]?.clusters[0]?.endpoints ?? [];

  it("calls the endpoints themselves, in equal parts from the first call on", async () => {
    configure({ ...quiet, controlPlane: controlPlane.address });
    const echo = caller();
    const first = await Promise.all(Array.from({ length: 60 }, () => echo.call()));
    const names = Object.groupBy(first, ({ name }) => name);
    for (const { name } of backends) assert.ok((names[name]?.length ?? 0) >= 8, JSON.stringify(first));
    const later = await echo.spread(90);
    assert.deepEqual(Object.keys(later).sort(), ["first", "second", "third"]);
    const { services: known, controlPlane: link } = explain();
    assert.deepEqual(link, { address: controlPlane.address, connected: true });
    assert.equal(known[0]?.state, "cluster");
    assert.equal(
      endpoints().reduce((sum, { requests }) => sum + requests, 0),
      150,
    );
    assert.ok(endpoints().every(({ inFlight, errors }) => inFlight === 0 && errors === 0));
    assert.match(await controlPlane.status(), /isobar/);
    void status;
    void Metadata;
    void serve;
    void cluster;
  });
});
