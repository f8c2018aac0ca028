import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { Client, credentials, ServerCredentials } from "@grpc/grpc-js";
import { PortRefusal } from "../../../src/telemetry/port-cell.ts";
import { DownstreamProtocol } from "../../../src/telemetry/worker-counters.ts";
import { missingOpenssl, TestAuthority } from "../../support/test-authority.ts";
import { echoDefinition } from "../fixture/echo-definition.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { until } from "../fixture/until.ts";

const NAME = "secure.shop.svc.cluster.local";

const missing = missingOpenssl();
const { CI = "" } = process.env;

describe("TLS that the client began", { skip: CI === "" && missing !== undefined ? missing : false }, () => {
  let authority: TestAuthority;
  let backends: GrpcBackend[];
  let proxy: LocalProxy;

  before(async () => {
    authority = new TestAuthority();
    const { key, cert } = authority.issue({ subjectAltNames: [`DNS:${NAME}`] });
    const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
    const secure = ServerCredentials.createSsl(null, [pair]);
    backends = await Promise.all([GrpcBackend.start({}, secure), GrpcBackend.start({}, secure)]);
    proxy = await LocalProxy.start();
    proxy.apply(
      backends.map(({ port }) => port),
      { name: `${NAME}:443` },
    );
  });
  afterEach(() => until("connections gone", () => proxy.dataPlane.downstreamConnections === 0));
  after(async () => {
    for (const backend of backends) backend.stop();
    await proxy.close();
    authority.remove();
  });

  /** One call on a channel of its own. */
  function call(
    serverName: string,
    more: Record<string, string | number> = {},
    target = "",
  ): Promise<string> {
    const options = {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_retries": 0,
      ...(serverName === "" ? {} : { "grpc.ssl_target_name_override": serverName }),
      ...more,
    };
    const secure = credentials.createSsl(Buffer.from(authority.ca));
    const client = new Client(target || `127.0.0.1:${proxy.port}`, secure, options);
    const { path, requestSerialize, responseDeserialize } = echoDefinition.unary;
    const deadline = Date.now() + 2000;
    return new Promise((resolve) => {
      const body = Buffer.from("secret");
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        body,
        { deadline },
        (error, answer) => {
          client.close();
          resolve(error === null ? String(answer) : `failed ${error.code}`);
        },
      );
    });
  }

  it("is passed on to an endpoint of the cluster its server name has, unread", async () => {
    for (let i = 0; i < 6; i++) assert.equal(await call(NAME), "secret");
    assert.equal(backends[0]!.calls + backends[1]!.calls, 6);
    assert.ok(backends[0]!.calls > 0 && backends[1]!.calls > 0, "its connections are balanced");
  });

  it("goes through a tunnel to the tunnel's cluster, whatever name it gives", async () => {
    Object.assign(process.env, { grpc_proxy: `http://127.0.0.1:${proxy.port}` });
    try {
      assert.equal(await call(NAME, {}, "secure.shop:443"), "secret");
    } finally {
      Reflect.deleteProperty(process.env, "grpc_proxy");
    }
  });

  it("for a name that no cluster has is closed and counted", async () => {
    assert.match(await call("other.test"), /failed/);
    assert.ok(proxy.refused(PortRefusal.noCluster) > 0);
    assert.equal(proxy.open(DownstreamProtocol.tls), 0);
  });
});
