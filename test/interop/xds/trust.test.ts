import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { CallRules } from "../../../src/control-plane/trust/call-rules.ts";
import { CertificateFiles } from "../../../src/control-plane/trust/certificate-files.ts";
import { ClientRoles } from "../../../src/control-plane/trust/client-roles.ts";
import { StreamAdmission } from "../../../src/control-plane/trust/stream-admission.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { Backends } from "../../clients/harness/backends.ts";
import { build, FetchError } from "../../clients/harness/build.ts";
import { assertSpread, runChecks } from "../../clients/harness/checks.ts";
import { go } from "../../clients/harness/go.ts";
import { python } from "../../clients/harness/python.ts";
import { TestAuthority } from "../../support/test-authority.ts";
import { installEnvoy } from "../envoy/install-envoy.ts";
import { ControlPlaneRig, xdsService } from "./control-plane-rig.ts";
import { EnvoyProcess } from "./envoy-process.ts";

const ECHO = "echo.default:50051";
const SECRET = "ledger.bank:50051";
const NAME = "cp.test";
const ROUND_ROBIN = { settings: { loadBalancing: { policy: "round_robin" } } } as const;
const LIMIT = { timeout: 15 * 60_000 };
const { CI = "" } = process.env;
const envoy = installEnvoy();
const toolchain = go.findToolchain();
const missing = "missing" in toolchain ? toolchain.missing : undefined;
if (missing !== undefined && CI !== "") throw new Error(missing);

describe("others' clients under a control plane that asks for certificates", { skip: missing }, () => {
  if ("missing" in toolchain) return;
  const authority = new TestAuthority();
  const server = authority.issue({ subjectAltNames: [`DNS:${NAME}`, "IP:127.0.0.1"] });
  const edge = authority.issue({ subjectAltNames: ["DNS:edge.test"] });
  after(() => authority.remove());

  async function start(rig: ControlPlaneRig, addresses: readonly string[]): Promise<void> {
    const { caFile: clientCaFile } = authority;
    const { certFile, keyFile } = server;
    const roles = new ClientRoles([], () => false);
    roles.list([{ subjectAltName: "edge.test", services: ["default/*"] }]);
    const parts = {
      roles,
      rules: new CallRules(() => undefined),
      nodePods: undefined,
      scope: "opted-in" as const,
    };
    const services = [xdsService(ECHO, addresses, ROUND_ROBIN), xdsService(SECRET, addresses, ROUND_ROBIN)];
    await rig.start(services, 0, {
      identity: new CertificateFiles({ certFile, keyFile, clientCaFile }, createLog({ level: "error" })),
      admission: new StreamAdmission(parts, undefined, true),
    });
  }

  for (const form of ["GRPC", "DELTA_GRPC"] as const) {
    test(`an Envoy is told what its role allows, ${form}`, {
      ...LIMIT,
      skip: "missing" in envoy,
    }, async () => {
      if ("missing" in envoy) return;
      await build(go, toolchain.versions);
      const backends = await Backends.start(go, ["first", "second"]);
      await using rig = new ControlPlaneRig();
      try {
        await start(rig, backends.addresses);
        const { caFile } = authority;
        const tls = { caFile, certFile: edge.certFile, keyFile: edge.keyFile, name: NAME };
        await using proxy = await EnvoyProcess.start(envoy.program, rig.folder, rig.port, form, "a", tls);
        assertSpread(
          await runChecks(go, proxy.address, ECHO, ["unary-100", "spread"]),
          ["first", "second"],
          1.1,
        );
        const told = await proxy.configDump();
        assert.ok(told.includes(ECHO) && !told.includes(SECRET), "nothing speaks of what it may not call");
        assert.equal((await rig.clients())[0]?.who, "DNS:edge.test");
      } finally {
        await backends.stop();
      }
    });
  }

  // Not Java: its "tls" takes no files from the bootstrap, only the JVM's authorities.
  for (const language of [go, python]) {
    test(`${language.name} without a proxy gets what its role allows`, LIMIT, async (context) => {
      const found = language.findToolchain();
      if ("missing" in found) {
        if (CI !== "") throw new Error(found.missing);
        context.skip(found.missing);
        return;
      }
      try {
        await build(go, toolchain.versions);
        await build(language, found.versions);
      } catch (error) {
        if (!(error instanceof FetchError) || CI !== "") throw error;
        context.skip(error.message);
        return;
      }
      const backends = await Backends.start(go, ["first", "second"]);
      await using rig = new ControlPlaneRig();
      try {
        await start(rig, backends.addresses);
        const config = {
          ca_certificate_file: authority.caFile,
          certificate_file: edge.certFile,
          private_key_file: edge.keyFile,
          refresh_interval: "10s",
        };
        const env = {
          ...language.program.env,
          GRPC_XDS_BOOTSTRAP: rig.bootstrap("a", { type: "tls", config }),
        };
        const client = { ...language, program: { ...language.program, env } };
        const spread = await runChecks(client, `xds:///${ECHO}`, ECHO, ["unary-100", "spread"]);
        assertSpread(spread, ["first", "second"], 1.1);
      } finally {
        await backends.stop();
      }
    });
  }
});
