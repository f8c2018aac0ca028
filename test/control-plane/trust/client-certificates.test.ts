import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { CallRules } from "../../../src/control-plane/trust/call-rules.ts";
import { CertificateFiles } from "../../../src/control-plane/trust/certificate-files.ts";
import { ClientRoles } from "../../../src/control-plane/trust/client-roles.ts";
import { ClientsFile } from "../../../src/control-plane/trust/clients-file.ts";
import { StreamAdmission } from "../../../src/control-plane/trust/stream-admission.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import type { ControlPlaneTls } from "../../../src/xds/client/grpc-ads-transport.ts";
import { missingOpenssl, TestAuthority } from "../../support/test-authority.ts";
import { TrustRig } from "./trust-rig.ts";

const missing = missingOpenssl();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;
const quiet = createLog({ level: "silent" });
const PROXY = "URI:spiffe://mesh/ns/isobar-system/sa/isobar-proxy";

describe("clients with certificates", { skip }, () => {
  const authority = skip === false ? new TestAuthority() : undefined;
  const roles = new ClientRoles(["isobar-system/isobar-proxy"], () => false);
  const parts = {
    roles,
    rules: new CallRules(() => undefined),
    nodePods: undefined,
    scope: "opted-in" as const,
  };

  after(() => authority?.remove());

  async function start(): Promise<TrustRig> {
    const leaf = authority!.issue({ subjectAltNames: ["IP:127.0.0.1"] });
    const paths = { certFile: leaf.certFile, keyFile: leaf.keyFile, clientCaFile: authority!.caFile };
    return TrustRig.start(new CertificateFiles(paths, quiet), new StreamAdmission(parts, undefined, true));
  }

  /** @param names in openssl's notation. */
  function client(names: readonly string[], days = 30, by = authority!): ControlPlaneTls {
    const { cert, key } = by.issue({ subjectAltNames: names, days });
    return { ca: authority!.ca, cert, key, serverName: "", subjectAltNames: [] };
  }

  it("are the proxy of the node that a certificate names, and of no other", async () => {
    await using rig = await start();
    const own = client([`${PROXY}/node/n1`]);
    assert.equal(await rig.attempt(own, { node: "n1" }), "answered");
    assert.match(
      await rig.attempt(own, { node: "n2" }),
      /^7 PERMISSION_DENIED: found ServiceAccount isobar-system\/isobar-proxy, node n1, wanted the proxy of node "n2"/,
    );
    assert.match(await rig.attempt(client([PROXY]), { node: "n1" }), /^7 .* what it shows names no node/);
  });

  it("are refused in words when a certificate is no good, or says nothing, or is missing", async () => {
    await using rig = await start();
    const expired = client([`${PROXY}/node/n1`], -1);
    assert.match(
      await rig.attempt(expired),
      /^16 UNAUTHENTICATED: found a client certificate .*CERT_HAS_EXPIRED/,
    );
    const other = new TestAuthority();
    const strange = client([`${PROXY}/node/n1`], 30, other);
    assert.match(
      await rig.attempt(strange),
      /^16 UNAUTHENTICATED: found a client certificate that is no good/,
    );
    other.remove();
    assert.match(await rig.attempt(client([])), /^16 .*without subject alternative names/);
    const none = { ...client([]), cert: "", key: "" };
    assert.match(
      await rig.attempt(none),
      /^16 UNAUTHENTICATED: found neither token nor certificate, wanted a client certificate/,
    );
    assert.match(
      await rig.attempt(none, { token: "x" }),
      /^16 UNAUTHENTICATED: found a token, wanted a client/,
    );
    assert.match(
      await rig.attempt(client(["DNS:nobody.test"])),
      /^7 PERMISSION_DENIED: found DNS:nobody.test, who is nobody here/,
    );
    assert.equal(rig.refused.length, 6, rig.refused.join("\n"));
  });

  it("that are listed get what the list says, also when the list changes", async () => {
    const folder = mkdtempSync(join(tmpdir(), "isobar-clients-"));
    const path = join(folder, "clients.yaml");
    const write = (services: string): void =>
      writeFileSync(path, `clients: [{ subjectAltName: edge.test, services: ${services} }]\n`);
    write('["shop/*"]');
    const lines: string[] = [];
    const log = createLog({ stream: { write: (line) => void lines.push(line) } });
    const file = new ClientsFile(path, roles, log);
    await file.load();
    await using rig = await start();
    const edge = client(["DNS:edge.test"]);
    const wish = { node: "edge-1", wants: ["a.shop:80", "b.bank:80"] };
    const stream = await rig.open(edge, wish);
    assert.deepEqual([[...stream.has], [...stream.hasNot]], [["a.shop:80"], ["b.bank:80"]]);
    assert.deepEqual(rig.denied, ["edge-1 b.bank:80"]);
    write('["shop/a", "bank"]');
    await rig.until(() => lines.some((line) => line.includes("the last good one stays in force")));
    assert.match(lines.join(""), /clients\.yaml:1:\d+: clients\[0\]\.services\[1\]: found .*bank/);
    assert.equal(stream.ended, undefined);
    write('["*"]');
    await rig.until(() => stream.ended !== undefined);
    assert.match(stream.ended ?? "", /^16 UNAUTHENTICATED: what this client may have has changed/);
    const now = await rig.open(edge, wish);
    assert.equal(now.has.size, 2);
    now.close();
    file.close();
    rmSync(folder, { recursive: true });
  });
});
