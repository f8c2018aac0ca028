import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientView, PartView } from "../../../src/audit/audit-view.ts";
import { EchoBackend, EchoCaller } from "../../xds/client/echo-backends.ts";
import { XdsProxy } from "../../xds/client/xds-proxy.ts";
import { AuditedControlPlane, auditAt, isobar } from "./audit-program.ts";

const SERVICE = "echo.shop:50051";
const ASKED = ["--node", "n1", "--service", "shop/echo"];

describe("the audit of a control plane with a proxy", () => {
  let folder: string;
  let backends: EchoBackend[];
  let controlPlane: AuditedControlPlane;
  let proxy: XdsProxy;

  const audit = (): string => join(folder, "audit");
  const file = (): string => join(folder, "services.yaml");

  async function write(...serving: readonly EchoBackend[]): Promise<void> {
    const endpoints = serving.map(({ port }) => `{ address: "127.0.0.1:${port}" }`).join(", ");
    await writeFile(file(), `clusters: [{ name: "${SERVICE}", endpoints: [${endpoints}] }]\n`);
  }

  function addresses(endpoints: object | undefined): string[] {
    return Object.values((endpoints ?? {}) as Record<string, { readonly port: number }>)
      .map(({ port }) => `127.0.0.1:${port}`)
      .sort();
  }

  /** What the node believed at a time, once the audit has it. */
  async function believed(time: string, count: number): Promise<ClientView> {
    let last: ClientView | undefined;
    for (let i = 0; i < 100; i++) {
      last = await auditAt(folder, time, ...ASKED).then(
        ({ services }) => services[0]?.clients[0],
        () => undefined,
      );
      if (addresses(last?.believed?.endpoints).length === count) return last!;
      await sleep(100);
    }
    assert.fail(`wanted ${count} endpoints, found ${JSON.stringify(last)}`);
  }

  function part({ parts }: ClientView, name: PartView["part"]): PartView {
    return parts.find((each) => each.part === name)!;
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "isobar-audit-live-"));
    backends = await Promise.all(["a", "b", "c"].map((name) => EchoBackend.start(name)));
    await write(backends[0]!, backends[1]!);
    controlPlane = await AuditedControlPlane.start(folder, ["--static", file()]);
    proxy = await XdsProxy.start({ addresses: [controlPlane.address] });
  });

  after(async () => {
    await proxy?.stop();
    await controlPlane?.stop();
    for (const backend of backends) backend.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("says what the node believed at each time, when it was sent and accepted, and what caused it", async () => {
    const caller = new EchoCaller(proxy.address, SERVICE);
    assert.equal((await caller.call()).code, 0);
    caller.close();
    const two = await believed("now", 2);
    assert.deepEqual([two.node, two.client, two.transport], ["n1", "isobar", "delta"]);
    assert.deepEqual(
      two.parts.map(({ part: name, state }) => `${name} ${state}`),
      ["listener accepted", "routes accepted", "cluster accepted", "endpoints accepted"],
    );
    const between = new Date().toISOString();
    await sleep(5);
    await write(backends[0]!, backends[1]!, backends[2]!);
    const three = await believed("now", 3);
    const { sent, accepted, of, version } = part(three, "endpoints");
    assert.ok(sent !== undefined && accepted !== undefined && sent > between && accepted >= sent);
    assert.equal(of?.cause?.object, file());
    assert.notEqual(version, part(two, "endpoints").version);
    const status = await (await fetch(`http://${controlPlane.admin}/xds/status?node=n1`)).text();
    assert.ok(status.includes(`${SERVICE} version=${version} accepted`), status);

    const then = await believed(between, 2);
    assert.deepEqual(addresses(then.believed?.endpoints), addresses(two.believed?.endpoints));
    assert.deepEqual(part(then, "endpoints").behind, [], "what came later was not known then");
    const { stdout } = await isobar(
      "audit",
      "diff",
      between,
      "now",
      "--dir",
      audit(),
      "--service",
      "shop/echo",
    );
    assert.match(
      stdout,
      new RegExp(`echo.shop:50051: changed\n  \\+ endpoints\\.127\\.0\\.0\\.1\\|${backends[2]!.port}`),
    );
  });

  it("shows tables to people, and says in words what it does not have", async () => {
    const { stdout } = await isobar("audit", "at", "now", "--dir", audit(), ...ASKED);
    assert.match(stdout, /node n1 \(isobar at 127\.0\.0\.1:\d+, region-a\/zone-a, stream \d+ since/);
    assert.match(stdout, /endpoints +accepted +[0-9a-f]{16} +record \d+, sent /);
    const list = await isobar("audit", "at", "now", "--dir", audit(), "--node", "n1");
    assert.match(list.stdout, /echo\.shop:50051 +\d+ +\S+ +3 +3 +no/);
    const nobody = await isobar("audit", "at", "now", "--dir", audit(), "--node", "n2");
    assert.deepEqual([nobody.code, nobody.stdout], [64, ""]);
    assert.match(nobody.stderr, /node "n2" had not connected by .*; connected were: n1/);
    const early = await isobar("audit", "at", "2020-01-01", "--dir", audit());
    assert.match(early.stderr, /is before the audit begins/);
    const wrong = await isobar("audit", "at", "noon", "--dir", audit());
    assert.match(wrong.stderr, /TIME: found "noon", wanted 12:03:01/);
    const nowhere = await isobar("audit", "head", "--dir", join(folder, "nowhere"));
    assert.deepEqual([nowhere.code, nowhere.stderr.includes("no such file")], [64, true]);
  });

  it("goes on where a killed process ended, with what the proxy brings back", async () => {
    const address = controlPlane.address;
    await controlPlane.stop("SIGKILL");
    controlPlane = await AuditedControlPlane.start(folder, ["--static", file()], address);
    let client: ClientView | undefined;
    for (let i = 0; i < 200; i++) {
      const { services } = await auditAt(folder, "now", ...ASKED);
      client = services[0]?.clients[0];
      if (client !== undefined && client.ended === undefined && part(client, "endpoints").state === "brought")
        break;
      await sleep(100);
    }
    const endpoints = part(client!, "endpoints");
    assert.deepEqual([endpoints.state, endpoints.of !== undefined], ["brought", true]);
    assert.equal(addresses(client!.believed?.endpoints).length, 3);
    const { code, stdout } = await isobar("audit", "verify", "--dir", audit());
    assert.deepEqual([code, stdout.includes("nothing was changed")], [0, true], stdout);
  });

  it("is served on when its files are tampered with, which verify shows", async () => {
    const { stdout } = await isobar("audit", "head", "--dir", audit(), "-o", "json");
    const { hash } = JSON.parse(stdout) as { readonly hash: string };
    const good = await isobar("audit", "verify", "--dir", audit(), "--head", hash);
    assert.equal(good.code, 0, good.stdout);
    const other = await isobar("audit", "verify", "--dir", audit(), "--head", "0123456789abcdef");
    assert.equal(other.code, 1);
    assert.match(other.stdout, /BROKEN head: 0123456789abcdef is the hash of no record/);
    assert.equal((await fetch(`http://${controlPlane.admin}/ready`)).status, 200);
  });
});
