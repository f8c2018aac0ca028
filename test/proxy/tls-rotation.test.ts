import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { keyedBody } from "../support/keyed-body.ts";
import { missingForCarrier } from "../support/missing-for-carrier.ts";
import { TestAuthority } from "../support/test-authority.ts";
import { TlsBackend } from "../upstream/tls-backend.ts";
import { ProxyProcess } from "./fixture/proxy-process.ts";
import { answerOf, RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

test("certificates are renewed in a running proxy without a restart and without a lost stream", {
  skip: missingForCarrier("tls"),
}, async (t) => {
  const authority = new TestAuthority();
  const folder = mkdtempSync(join(tmpdir(), "isobar-rotation-"));
  const put = (days: number): void => {
    const { certFile, keyFile } = authority.issue({ days });
    copyFileSync(keyFile, join(folder, "tls.key"));
    copyFileSync(certFile, join(folder, "tls.crt"));
  };
  put(1);
  const server = authority.issue({ subjectAltNames: ["URI:spiffe://mesh/ns/test/sa/echo"] });
  const backend = await TlsBackend.start({
    ...server,
    ca: authority.ca,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const { connections } = backend;
  const proxy = await ProxyProcess.start([backend.port], {
    cluster: [
      "tls:",
      "  mode: MUTUAL",
      `  caFile: ${authority.caFile}`,
      `  certFile: ${folder}/tls.crt`,
      `  keyFile: ${folder}/tls.key`,
      "  subjectAltNames: [spiffe://mesh/ns/test/sa/echo]",
    ],
  });
  const client = new RawClient(proxy.port);
  t.after(async () => {
    client.close();
    await proxy.terminate("SIGKILL");
    backend.stop();
    authority.remove();
    rmSync(folder, { recursive: true });
  });

  const open = client.open();
  open.write(keyedBody(1, 1000));
  await until("the first connection", () => connections.length === 1);
  put(20);
  await until("the proxy has noticed", () => proxy.output.includes("changed TLS files are in use"));
  open.end(keyedBody(1, 1000, 1000));
  const { status, body } = await answerOf(open);
  assert.equal(status, 0);
  assert.ok(body.equals(keyedBody(1, 2000)), "the stream that was open");
  assert.equal(connections.length, 1);
  assert.equal((await client.call(keyedBody(2, 10))).status, 0);
  assert.equal(connections.length, 1, "the connection lives on");

  connections[0]!.socket.destroy();
  while (connections.length < 2) assert.ok([0, 14].includes((await client.call(keyedBody(3, 10))).status));
  assert.notEqual(connections[1]!.client, connections[0]!.client, "the new certificate");
  assert.equal(await proxy.terminate(), 0);
});
