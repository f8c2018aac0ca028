import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { ControlPlaneTls } from "../../../src/xds/client/grpc-ads-transport.ts";
import { LoggedControlPlane } from "../../kube/harness/trusted-cluster.ts";
import type { ProxyProof } from "../../kube/harness/trusted-proxy.ts";
import { TrustedProxy } from "../../kube/harness/trusted-proxy.ts";
import type { TestCertificate } from "../../support/test-authority.ts";
import { missingOpenssl, TestAuthority } from "../../support/test-authority.ts";

const missing = missingOpenssl();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;
const ECHO = "echo.shop:80";
const NODE = "URI:spiffe://mesh/ns/isobar-system/sa/isobar-proxy/node/n1";

const TROUBLE = /"level":"(?:warn|error)"/;

/** Of a log. */
interface Line {
  readonly message: string;
  readonly reason: string;
  readonly advice?: string;
  readonly why?: string;
}

describe("a real proxy and a real control plane with certificates that are no good", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "isobar-refused-"));
  const authority = skip === false ? new TestAuthority() : undefined;
  const services = join(folder, "services.yaml");
  writeFileSync(services, `clusters: [{ name: "${ECHO}", endpoints: [{ address: "127.0.0.1:9" }] }]\n`);

  after(() => {
    authority?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Lets a proxy ask a control plane. @returns what each of them wrote about it when both have, and what came of a call. */
  async function meet(
    server: TestCertificate,
    client: TestCertificate | undefined,
    trust: Partial<ControlPlaneTls> = {},
    attempts = 1,
  ) {
    const controlPlane = await LoggedControlPlane.start(folder, [
      ...["--static", services, "--tls-cert-file", server.certFile, "--tls-key-file", server.keyFile],
      ...["--client-ca-file", authority!.caFile, "--proxy-service-account", "isobar-system/isobar-proxy"],
    ]);
    const proof: ProxyProof = { node: "n1", ...client };
    const tls = {
      ca: authority!.ca,
      cert: "",
      key: "",
      serverName: "cp.test",
      subjectAltNames: [],
      ...trust,
    };
    await using proxy = await TrustedProxy.start(controlPlane.address, tls, proof);
    try {
      await proxy.logged(/"ready"/);
      const outcome = await proxy.call(ECHO);
      const there = await controlPlane.logged(/"a client (?:is refused|does not get in)"/);
      if (attempts > 1) await controlPlane.again(/"a client (?:is refused|does not get in)"/, attempts - 1);
      await proxy.logged(TROUBLE);
      const here = proxy.lines.filter((line) => TROUBLE.test(line));
      assert.equal(here.length, 1, here.join("\n"));
      const log = controlPlane.lines.join("\n");
      return {
        outcome,
        here: JSON.parse(here[0]!) as Line,
        there: { ...(JSON.parse(there[0]!) as Line), log },
      };
    } finally {
      await controlPlane.stop();
    }
  }

  const issue = (name: string, days = 30, by = authority!): TestCertificate =>
    by.issue({ subjectAltNames: [name], days });

  it("get on with each other where they are", async () => {
    const controlPlane = await LoggedControlPlane.start(folder, [
      ...["--static", services, "--client-ca-file", authority!.caFile],
      ...(({ certFile, keyFile }) => ["--tls-cert-file", certFile, "--tls-key-file", keyFile])(
        issue("DNS:cp.test"),
      ),
    ]);
    const { certFile, keyFile } = issue(NODE);
    const tls = { ca: authority!.ca, cert: "", key: "", serverName: "cp.test", subjectAltNames: [] };
    await using proxy = await TrustedProxy.start(controlPlane.address, tls, {
      node: "n1",
      certFile,
      keyFile,
    });
    await proxy.logged(/"ready"/);
    assert.match(await proxy.call(ECHO), /127\.0\.0\.1:9|connect/, "the service is known, nobody is there");
    assert.deepEqual(
      controlPlane.lines.filter((line) => /a client/.test(line)),
      [],
    );
    await controlPlane.stop();
  });

  it("say that the control plane's has expired", async () => {
    const { outcome, here, there } = await meet(issue("DNS:cp.test", -1), issue(NODE));
    assert.match(outcome, /^14 UNAVAILABLE/);
    assert.equal(here.message, "the control plane's certificate is not valid now");
    assert.match(here.reason, /certificate has expired/);
    assert.match(here.advice!, /^renew it/);
    assert.match(there.reason, /its authority \(caFile\), the names in it \(serverName\) or its time/);
    assert.match(there.log, /"level":"error".*"the certificate that xDS is served with has expired/);
  });

  it("say that the control plane's is for another name, the proxy once, however often it tries", async () => {
    const { here, there } = await meet(issue("DNS:else.test"), issue(NODE), {}, 3);
    assert.equal(here.message, "the control plane's certificate is for another name");
    assert.match(here.reason, /cp\.test.*else\.test/);
    assert.match(here.advice!, /^set controlPlane\.tls\.serverName/);
    assert.match(there.reason, /the names in it \(serverName\)/);
  });

  it("say that the control plane's is of another authority", async () => {
    const other = new TestAuthority();
    const { here, there } = await meet(issue("DNS:cp.test"), issue(NODE), { ca: other.ca });
    other.remove();
    assert.equal(here.message, "the control plane's certificate is not of a trusted authority");
    assert.match(here.advice!, /^controlPlane\.tls\.caFile has to hold/);
    assert.match(there.reason, /its authority \(caFile\)/);
  });

  it("say that the proxy's has expired", async () => {
    const { here, there } = await meet(issue("DNS:cp.test"), issue(NODE, -1));
    assert.equal(here.message, "the control plane refuses this proxy");
    assert.match(here.reason, /^16 UNAUTHENTICATED: found a client certificate .*CERT_HAS_EXPIRED.*, wanted/);
    assert.equal(there.reason, "certificate");
    assert.match(there.why!, /^found a client certificate .*CERT_HAS_EXPIRED.*, wanted/);
  });

  it("say that the proxy's is another node's", async () => {
    const { here, there } = await meet(issue("DNS:cp.test"), issue(NODE.replace("n1", "n2")));
    assert.match(here.reason, /^7 PERMISSION_DENIED: found .*node n2, wanted the proxy of node "n1"/);
    assert.equal(there.reason, "node");
    assert.match(there.why!, /^found .*node n2, wanted the proxy of node "n1"/);
  });

  it("say that a proxy has shown nothing at all", async () => {
    const { here, there } = await meet(issue("DNS:cp.test"), undefined);
    assert.match(
      here.reason,
      /^16 UNAUTHENTICATED: found neither token nor certificate, wanted a client certificate/,
    );
    assert.equal(there.reason, "no_credentials");
  });
});
