import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SeededRandom } from "../../../src/base/random.ts";
import type { AuthorityTimes } from "../../../src/control-plane/trust/authority-set.ts";
import { OwnAuthority } from "../../../src/control-plane/trust/own-authority.ts";
import { ApiClient } from "../../../src/kube/api-client.ts";
import { ApiConnection } from "../../../src/kube/api-connection.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import type { ControlPlaneTls } from "../../../src/xds/client/grpc-ads-transport.ts";
import { TrustRig } from "../../control-plane/trust/trust-rig.ts";
import { missingOpenssl } from "../../support/test-authority.ts";
import { ApiServer } from "../harness/api-server.ts";
import { missingKubelab } from "../harness/build-kubelab.ts";

const missing = missingKubelab() ?? missingOpenssl();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;
const NAMESPACE = "isobar-system";
const NAME = "isobar-control-plane.isobar-system.svc";
const HOUR_MS = 3_600_000;
const TIMES: AuthorityTimes = {
  authorityLifeMs: 90 * HOUR_MS,
  overlapMs: 5 * HOUR_MS,
  servingLifeMs: 10 * HOUR_MS,
};

describe("an authority of one's own", { skip }, () => {
  let api: ApiServer;
  let connection: ApiConnection;
  /** Time for the authority: certificates are made as if it were then. */
  let nowMs = 0;
  const lines: string[] = [];

  before(async () => {
    api = await ApiServer.start();
    await api.writer.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
    connection = new ApiConnection({ file: api.kubeConfig });
  });

  after(async () => {
    await connection?.close();
    await api?.close();
  });

  function authority(secretName: string): OwnAuthority {
    return new OwnAuthority({
      api: new ApiClient(connection),
      namespace: NAMESPACE,
      secretName,
      bundleName: `${secretName}-bundle`,
      names: [NAME, "127.0.0.1"],
      clientCa: "",
      log: createLog({ stream: { write: (line) => void lines.push(line) } }),
      random: new SeededRandom(7),
      times: TIMES,
      nowMs: () => nowMs,
      lookMs: 20,
    });
  }

  async function stored(kind: "Secret" | "ConfigMap", name: string): Promise<Record<string, string>> {
    const object = { apiVersion: "v1", kind, metadata: { namespace: NAMESPACE, name } };
    return ((await api.writer.get(object)) as unknown as { readonly data: Record<string, string> }).data;
  }

  async function bundle(name: string): Promise<string> {
    return (await stored("ConfigMap", `${name}-bundle`))["ca.crt"]!;
  }

  it("is made once, however many replicas start at once, and is what others find good", async () => {
    nowMs = Date.now();
    const replicas = Array.from({ length: 5 }, () => authority("first"));
    const proofs = await Promise.all(replicas.map((each) => each.start(() => {})));
    const ca = await bundle("first");
    assert.equal(ca.match(/BEGIN CERTIFICATE/g)?.length, 1);
    const caFile = join(api.folder, "ca.crt");
    writeFileSync(caFile, ca);
    for (const [index, { cert }] of proofs.entries()) {
      const file = join(api.folder, `leaf-${index}.crt`);
      writeFileSync(file, cert);
      const args = [
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-verify_hostname",
        NAME,
        "-CAfile",
        caFile,
        file,
      ];
      assert.match(execFileSync("openssl", args, { encoding: "utf8" }), /: OK/);
    }
    await Promise.all(replicas.map((each) => each.close()));
  });

  it("is renewed while it serves: streams stand, and who knew the bundle of any time gets in", async () => {
    // In the past, so that what is issued is valid.
    const startMs = Date.now() - 66 * HOUR_MS;
    nowMs = startMs;
    await authority("second").look();
    nowMs = startMs + 59 * HOUR_MS;
    const own = authority("second");
    await using rig = await TrustRig.start(own);
    const trusting = (ca: string): ControlPlaneTls => {
      return { ca, cert: "", key: "", serverName: NAME, subjectAltNames: [] };
    };
    const oldBundle = await bundle("second");
    const stream = await rig.open(trusting(oldBundle));

    assert.equal(oldBundle.match(/BEGIN CERTIFICATE/g)?.length, 1);

    nowMs = startMs + 60.5 * HOUR_MS;
    let both = oldBundle;
    await rig.eventually(async () => {
      both = await bundle("second");
      return both.match(/BEGIN CERTIFICATE/g)?.length === 2;
    });
    assert.equal(await rig.attempt(trusting(oldBundle)), "answered", "the next one is not used yet");

    nowMs = startMs + 65.9 * HOUR_MS;
    await rig.until(() => lines.some((line) => line.includes("next authority is in use")));
    await rig.eventually(async () => (await rig.attempt(trusting(oldBundle))) !== "answered");
    assert.equal(await rig.attempt(trusting(both)), "answered");
    assert.equal(await rig.attempt(trusting(await bundle("second"))), "answered");
    assert.equal(stream.ended, undefined, "what stands goes on");
    assert.equal(stream.has.size, 1);
    stream.close();
  });

  it("goes on without the API server, and renews what it serves with", async () => {
    nowMs = Date.now();
    const own = authority("third");
    let renewals = 0;
    await own.start(() => renewals++);
    await api.killServer();
    const before = own.notAfterMs;
    nowMs += TIMES.servingLifeMs * 0.7;
    const untilMs = performance.now() + 20_000;
    while (renewals === 0 && performance.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(renewals > 0 && own.notAfterMs > before);
    const said = lines.filter((line) => line.includes("cannot be looked after"));
    assert.ok(said.length >= 1 && said.length < 4, said.join(""));
    await own.close();
    await api.startServer();
  });

  it("never writes over a Secret that it does not understand", async () => {
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace: NAMESPACE, name: "fourth" },
      type: "Opaque",
      data: { "ca.crt": btoa("nonsense"), "ca.key": btoa("nonsense") },
    };
    await api.writer.apply(secret);
    await assert.rejects(
      authority("fourth").start(() => {}),
      /^IdentityError: Secret isobar-system\/fourth: ca.crt: found no certificate, wanted one as PEM; mend it, or delete it/,
    );
    assert.deepEqual(await stored("Secret", "fourth"), secret.data);
  });
});
