import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ControlPlaneTls } from "../../../src/xds/client/grpc-ads-transport.ts";
import { Backends } from "../../clients/harness/backends.ts";
import { build } from "../../clients/harness/build.ts";
import { runChecks } from "../../clients/harness/checks.ts";
import { go } from "../../clients/harness/go.ts";
import type { ClientWish } from "../../control-plane/trust/xds-caller.ts";
import { attemptStream, openStream } from "../../control-plane/trust/xds-caller.ts";
import { missingOpenssl, TestAuthority } from "../../support/test-authority.ts";
import { missingKubelab } from "../harness/build-kubelab.ts";
import {
  documentedPermissions,
  grantedPermissions,
  permissionOf,
  provokeEveryWrite,
  renewAuthority,
} from "../harness/permissions.ts";
import { LoggedControlPlane, TrustedCluster } from "../harness/trusted-cluster.ts";
import { TrustedProxy } from "../harness/trusted-proxy.ts";

const LIMIT_MS = 30_000;
const missing = missingKubelab() ?? missingOpenssl();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;
const PROXY = "isobar-system/isobar-proxy";
const ECHO = "echo.shop:80";
const LEDGER = "ledger.bank:80";

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < untilMs, `${what}: not within ${LIMIT_MS} ms`);
    await sleep(10);
  }
}

describe("who is let in, by the API server's word", { skip }, () => {
  let cluster: TrustedCluster;
  let controlPlane: LoggedControlPlane;
  let tls: ControlPlaneTls;
  const attempt = (wish: ClientWish): Promise<string> => attemptStream(controlPlane.address, tls, wish);

  before(async () => {
    cluster = await TrustedCluster.start();
    await cluster.namespace("shop", { mode: "address" });
    await cluster.service("shop", "echo");
    await cluster.service("bank", "ledger", { "isobar.dev/callable-from": "bank" });
    await cluster.pod("isobar-system", "isobar-1", "n1");
    await cluster.pod("isobar-system", "isobar-2", "n2");
    await cluster.pod("shop", "web", "n1");
    await cluster.pod("bank", "teller", "n2");
    const kubeConfig = await cluster.kubeConfig();
    const args = ["--kubeconfig", kubeConfig, "--tls-name", "127.0.0.1"];
    controlPlane = await LoggedControlPlane.start(cluster.api.folder, args);
    tls = await cluster.trusted();
  });

  after(async () => {
    await controlPlane?.stop();
    await cluster?.close();
  });

  it("a node's proxy gets what its Pods may call, and nothing else", async () => {
    const token = await cluster.token(PROXY, { pod: "isobar-1" });
    const stream = await openStream(controlPlane.address, tls, { token, node: "n1", wants: [ECHO, LEDGER] });
    assert.deepEqual([...stream.has, ...stream.hasNot], [ECHO, LEDGER]);
    const [line = ""] = await controlPlane.logged(/may not call/);
    assert.match(
      line,
      /"node":"n1".*Pod isobar-system\/isobar-1.*"service":"ledger.bank:80".*isobar\.dev\/mode/,
    );
    assert.equal(await stream.report("n1"), "answered");
    assert.match(await stream.report("n2"), /^7 PERMISSION_DENIED: .*wanted the proxy of node "n2"/);
    assert.match(await controlPlane.get("/xds/status"), /ServiceAccount isobar-system\/isobar-proxy/);
    stream.close();
  });

  it("rights follow the Pods, and what is annotated, while the stream stands", async () => {
    const token = await cluster.token(PROXY, { pod: "isobar-2" });
    const stream = await openStream(controlPlane.address, tls, { token, node: "n2", wants: [ECHO, LEDGER] });
    assert.deepEqual([...stream.has], [], "nobody on this node has opted in");
    await cluster.namespace("bank", { mode: "transparent" });
    await until("opted in", () => stream.has.has(LEDGER) && stream.has.has(ECHO));
    await cluster.service("shop", "echo", { "isobar.dev/callable-from": "shop" });
    await until("no longer callable", () => stream.hasNot.has(ECHO));
    await cluster.pod("shop", "job", "n2");
    await until("a Pod of another namespace came", () => stream.has.has(ECHO));
    await cluster.deletePod("shop", "job");
    await until("it went", () => stream.hasNot.has(ECHO));
    await cluster.pod("shop", "quiet", "n2", { "isobar.dev/mode": "off" });
    await cluster.service("shop", "echo");
    await until("everybody may call it again", () => stream.has.has(ECHO));
    await cluster.namespace("bank");
    await until("opted out", () => stream.hasNot.has(LEDGER) && stream.hasNot.has(ECHO));
    await cluster.deletePod("shop", "quiet");
    stream.close();
  });

  it("others are refused with one line that says what is wrong, to them and in the log", async () => {
    const nobody = /^16 UNAUTHENTICATED: found neither token nor certificate, wanted a ServiceAccount token/;
    assert.match(await attempt({}), nobody);
    const strange = await cluster.token(PROXY, { pod: "isobar-1", audience: "vault" });
    assert.match(
      await attempt({ token: strange }),
      /^16 UNAUTHENTICATED: found a token .*vault.*, wanted .* audience "isobar"/,
    );
    const other = await cluster.token(PROXY, { pod: "isobar-2" });
    assert.match(
      await attempt({ token: other, node: "n1" }),
      /^7 PERMISSION_DENIED: found ServiceAccount isobar-system\/isobar-proxy, Pod isobar-system\/isobar-2, wanted the proxy of node "n1"/,
    );
    const unbound = await cluster.token(PROXY);
    assert.match(await attempt({ token: unbound, node: "n1" }), /^7 PERMISSION_DENIED: .* names no node/);
    await cluster.account("bank", "robot");
    const robot = await cluster.token("bank/robot");
    assert.match(
      await attempt({ token: robot }),
      /^7 PERMISSION_DENIED: found ServiceAccount bank\/robot, who is nobody here/,
    );
    assert.match(
      await attempt({ token: "no.token" }),
      /^16 UNAUTHENTICATED: found a token that the API server refuses/,
    );
    const short = await cluster.token(PROXY, { pod: "isobar-1", seconds: 1 });
    await sleep(1_500);
    assert.match(await attempt({ token: short, node: "n1" }), /^16 UNAUTHENTICATED: .*expired/);
    for (const reason of ["no_credentials", "token", "node", "unknown_client"])
      await controlPlane.logged(new RegExp(`"a client is refused"|"reason":"${reason}"`));
    const refused = controlPlane.lines.filter((line) => line.includes("a client is refused"));
    assert.equal(refused.length, 8, `7, and the report for another node: ${refused.join("\n")}`);
  });

  it("a proxy with a certificate of another authority or for another name is told by TLS", async () => {
    const other = new TestAuthority();
    const token = await cluster.token(PROXY, { pod: "isobar-1" });
    const wish = { token, node: "n1" };
    const wrongCa = await attemptStream(controlPlane.address, { ...tls, ca: other.ca }, wish);
    assert.match(wrongCa, /unable to verify/);
    const wrongName = await attemptStream(controlPlane.address, { ...tls, serverName: "other.test" }, wish);
    assert.match(wrongName, /altnames/);
    await controlPlane.logged(/do not accept the control plane's certificate.*"a client does not get in"/);
    other.remove();
  });

  it("a program in a Pod asks for itself, once its namespace has opted in", async () => {
    await cluster.account("shop", "web");
    const token = await cluster.token("shop/web", { pod: "web" });
    assert.equal(await attempt({ token, node: "web", wants: [ECHO] }), "answered");
    const stream = await openStream(controlPlane.address, tls, { token, node: "web", wants: [ECHO, LEDGER] });
    assert.deepEqual([[...stream.has], [...stream.hasNot]], [[ECHO], [LEDGER]]);
    stream.close();
  });

  it("while the API server is away who is known goes on, and who is not is to come again", async () => {
    const known = await cluster.token(PROXY, { pod: "isobar-1" });
    const strange = await cluster.token(PROXY, { pod: "isobar-1", seconds: 7_200 });
    assert.equal(await attempt({ token: known, node: "n1", wants: [ECHO] }), "answered");
    cluster.recorder.setAway(true);
    assert.equal(await attempt({ token: known, node: "n1", wants: [ECHO] }), "answered");
    assert.match(
      await attempt({ token: strange, node: "n1" }),
      /^14 UNAVAILABLE: the token cannot be checked now: the API server does not answer/,
    );
    cluster.recorder.setAway(false);
    await until(
      "it is back",
      async () => (await attempt({ token: strange, node: "n1", wants: [ECHO] })) === "answered",
    );
  });

  it("a stream ends with the Pod that opened it", async () => {
    await cluster.pod("isobar-system", "isobar-3", "n3");
    const token = await cluster.token(PROXY, { pod: "isobar-3" });
    const stream = await openStream(controlPlane.address, tls, { token, node: "n3", wants: [ECHO] });
    await cluster.deletePod("isobar-system", "isobar-3");
    await until("the stream ends", () => stream.ended !== undefined);
    assert.match(stream.ended ?? "", /isobar-3/);
  });

  it("a real proxy comes in by its token, and says once what is wrong with another one", async () => {
    await using proxy = await TrustedProxy.start(controlPlane.address, tls, {
      node: "n1",
      token: await cluster.token(PROXY, { pod: "isobar-2" }),
    });
    await proxy.logged(/"ready"/);
    assert.match(await proxy.call(ECHO), /^14 UNAVAILABLE/, "it asks when it is called, and not before");
    const [line = ""] = await proxy.logged(/"the control plane refuses this proxy"/);
    assert.match(line, /"level":"error".*Pod isobar-system\/isobar-2.*wanted the proxy of node.*"advice":/);
    proxy.setToken(await cluster.token(PROXY, { pod: "isobar-1" }));
    await proxy.logged(/"the control plane accepts this proxy again"/);
    let outcome = "";
    await until("it knows the service, which has no endpoints", async () => {
      outcome = await proxy.call(ECHO);
      return /no endpoint/.test(outcome);
    }).catch((error: unknown) => assert.fail(`${String(error)}: ${outcome}`));
    const said = proxy.lines.filter((each) => each.includes("the control plane refuses this proxy"));
    assert.equal(said.length, 1, said.join("\n"));
    assert.match(await proxy.call(LEDGER), /12 UNIMPLEMENTED/);
    assert.doesNotMatch(proxy.lines.join("\n"), /eyJ/, "no token is ever written down");
  });

  it("a real proxy with no token, or one that is no good, says so once, and so does the control plane", async () => {
    await cluster.pod("isobar-system", "isobar-4", "n4");
    await cluster.account("bank", "clerk");
    const cases: readonly (readonly [string, string | undefined, RegExp])[] = [
      ["no_credentials", undefined, /^16 UNAUTHENTICATED: found neither token nor certificate, wanted/],
      [
        "token",
        await cluster.token(PROXY, { pod: "isobar-4", audience: "vault" }),
        /^16 UNAUTHENTICATED: found a token .*vault.*, wanted .* audience "isobar"/,
      ],
      [
        "token",
        await cluster.token(PROXY, { pod: "isobar-4", seconds: 1 }),
        /^16 UNAUTHENTICATED: found a token .*, wanted/,
      ],
      [
        "node",
        await cluster.token(PROXY, { pod: "isobar-2" }),
        /^7 PERMISSION_DENIED: found .*isobar-2, wanted the proxy of node "n4"/,
      ],
      [
        "unknown_client",
        await cluster.token("bank/clerk"),
        /^7 PERMISSION_DENIED: found ServiceAccount bank\/clerk, who is nobody here/,
      ],
    ];
    await sleep(1_500);
    const meet = async ([reason, token, wanted]: (typeof cases)[number]): Promise<void> => {
      const proof = { node: "n4", ...(token === undefined ? {} : { token }) };
      await using proxy = await TrustedProxy.start(controlPlane.address, tls, proof);
      await proxy.logged(/"ready"/);
      assert.match(await proxy.call(ECHO), /^14 UNAVAILABLE/);
      const lines = await proxy.logged(/"level":"(?:warn|error)"/);
      assert.equal(lines.length, 1, lines.join("\n"));
      const here = JSON.parse(lines[0]!) as { message: string; reason: string };
      assert.equal(here.message, "the control plane refuses this proxy");
      assert.match(here.reason, wanted);
      const there = controlPlane.lines
        .filter((line) => /"a client is refused"/.test(line))
        .map((line) => JSON.parse(line) as { reason: string; why: string });
      assert.ok(
        there.some((said) => said.reason === reason && here.reason.endsWith(said.why)),
        `${here.reason}\n${JSON.stringify(there)}`,
      );
    };
    await Promise.all(cases.map(meet));
  });

  it("gRPC in Go shows its Pod's token, and calls without a proxy", { timeout: 15 * 60_000 }, async () => {
    const toolchain = go.findToolchain();
    assert.ok(!("missing" in toolchain));
    await build(go, toolchain.versions);
    const backends = await Backends.start(go, ["first", "second"]);
    try {
      await cluster.endpoints("shop", "echo", backends.addresses);
      const file = (name: string, text: string): string => {
        const path = join(cluster.api.folder, name);
        writeFileSync(path, text);
        return path;
      };
      const jwt = file("web.token", await cluster.token("shop/web", { pod: "web" }));
      const server = {
        server_uri: controlPlane.address,
        channel_creds: [{ type: "tls", config: { ca_certificate_file: file("bundle.crt", tls.ca) } }],
        call_creds: [{ type: "jwt_token_file", config: { jwt_token_file: jwt } }],
        server_features: ["xds_v3"],
      };
      const bootstrap = file(
        "bootstrap.json",
        JSON.stringify({ xds_servers: [server], node: { id: "web" } }),
      );
      const env = {
        ...go.program.env,
        GRPC_XDS_BOOTSTRAP: bootstrap,
        GRPC_EXPERIMENTAL_XDS_BOOTSTRAP_CALL_CREDS: "true",
      };
      const client = { ...go, program: { ...go.program, env } };
      const spread = await runChecks(client, `xds:///${ECHO}`, ECHO, ["unary-100", "spread"]);
      assert.deepEqual(Object.keys(spread).sort(), ["first", "second"]);
    } finally {
      await backends.stop();
    }
  });

  it("a second replica has the same authority, and a bundle that clients have does for both", async () => {
    const kubeConfig = await cluster.kubeConfig();
    // As API servers before WatchList: everything is listed in pages.
    cluster.recorder.refusesWatchList = true;
    const second = await LoggedControlPlane.start(cluster.api.folder, ["--kubeconfig", kubeConfig]);
    const token = await cluster.token(PROXY, { pod: "isobar-1" });
    assert.equal(await attemptStream(second.address, tls, { token, node: "n1", wants: [ECHO] }), "answered");
    await second.stop();
    cluster.recorder.refusesWatchList = false;
  });

  it("a replica shows its own token to the others, is told loads by them and nothing else, and others are not told", async () => {
    const kubeConfig = await cluster.kubeConfig();
    const file = join(cluster.api.folder, "replica.token");
    writeFileSync(file, await cluster.token("isobar-system/isobar-control-plane"));
    const start = (peer: string): Promise<LoggedControlPlane> =>
      LoggedControlPlane.start(cluster.api.folder, [
        ...[
          "--kubeconfig",
          kubeConfig,
          "--tls-name",
          "127.0.0.1",
          "--peer-token-file",
          file,
          "--peers",
          peer,
        ],
      ]);
    const known = async (of: LoggedControlPlane): Promise<number> => {
      return (JSON.parse(await of.get("/stats?format=json")) as Record<string, number>)["load.replicas"]!;
    };
    // One that has no --peers takes nobody for a replica.
    const second = await start(controlPlane.address);
    const [line = ""] = await second.logged(/"what the clients of another replica report is not known"/);
    assert.match(line, /7 PERMISSION_DENIED: found ServiceAccount isobar-system\/isobar-control-plane/);
    const third = await start(second.address);
    try {
      await third.logged(/"what the clients of another replica report is known"/);
      assert.deepEqual([await known(second), await known(third)], [0, 1]);
      const token = await cluster.token("isobar-system/isobar-control-plane");
      const stream = await openStream(third.address, tls, { token, node: "second", wants: [ECHO] });
      assert.deepEqual([[...stream.has], [...stream.hasNot]], [[], [ECHO]]);
      stream.close();
    } finally {
      await second.stop();
      await third.stop();
    }
  });

  it("the permissions are those of docs/security.md, and no call needs another one", async () => {
    await provokeEveryWrite(cluster);
    await renewAuthority(await cluster.kubeConfig());
    const wanted = documentedPermissions();
    await until("everything has been asked for", () =>
      [...wanted].every((each) => cluster.recorder.calls.some((call) => permissionOf(call) === each)),
    );
    const needed = new Set(cluster.recorder.calls.map(permissionOf));
    assert.deepEqual([...needed].sort(), [...wanted].sort());
    assert.deepEqual(grantedPermissions(), [...wanted].sort(), "deploy/rbac/control-plane.yaml");
    const refused = cluster.recorder.calls.filter(({ status }) => status === 403 || status === 401);
    assert.deepEqual(refused, []);
  });
});
