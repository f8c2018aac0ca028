import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { CertificateFiles } from "../../../src/control-plane/trust/certificate-files.ts";
import { IdentityError } from "../../../src/control-plane/trust/identity-source.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import type { TestCertificate } from "../../support/test-authority.ts";
import { missingOpenssl, TestAuthority } from "../../support/test-authority.ts";
import { TrustRig } from "./trust-rig.ts";

const missing = missingOpenssl();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;
const quiet = createLog({ stream: { write: () => {} } });

function pathsOf({ certFile, keyFile }: TestCertificate) {
  return { certFile, keyFile, clientCaFile: undefined };
}

describe("xDS over TLS", { skip }, () => {
  const authority = skip === false ? new TestAuthority() : undefined;
  const trusted = () => ({
    ca: authority!.ca,
    cert: "",
    key: "",
    serverName: "cp.test",
    subjectAltNames: [],
  });
  after(() => authority?.remove());

  it("is served to who trusts the certificate, and each other client is named with a reason", async () => {
    const leaf = authority!.issue({ subjectAltNames: ["DNS:cp.test"] });
    await using rig = await TrustRig.start(new CertificateFiles(pathsOf(leaf), quiet));
    assert.equal(await rig.attempt(trusted()), "answered");
    assert.deepEqual(rig.failed, []);

    const other = new TestAuthority();
    assert.match(await rig.attempt({ ...trusted(), ca: other.ca }), /unable to verify the first certificate/);
    await rig.until(() => rig.failed.some((each) => /as clients do that do not accept/.test(each)));
    rig.failed.length = 0;
    assert.match(
      await rig.attempt({ ...trusted(), serverName: "else.test" }),
      /not match certificate's altnames/,
    );
    await rig.until(() => rig.failed.some((each) => /^127\.0\.0\.1:\d+ .*the names in it/.test(each)));
    rig.failed.length = 0;
    assert.match(await rig.attempt(undefined), /No connection established/);
    await rig.until(() => rig.failed.some((each) => /it does not speak TLS/.test(each)));
    other.remove();
  });

  it("is refused by clients when the certificate has expired", async () => {
    const expired = authority!.issue({ subjectAltNames: ["DNS:cp.test"], days: -1 });
    await using rig = await TrustRig.start(new CertificateFiles(pathsOf(expired), quiet));
    assert.match(await rig.attempt(trusted()), /certificate has expired/);
    await rig.until(() => rig.failed.some((each) => /as clients do that do not accept/.test(each)));
  });

  it("takes renewed files for new connections, and leaves streams that stand alone", async () => {
    const first = authority!.issue({ subjectAltNames: ["DNS:cp.test"] });
    const lines: string[] = [];
    const log = createLog({ stream: { write: (line) => void lines.push(line) } });
    const files = new CertificateFiles(pathsOf(first), log, 20);
    await using rig = await TrustRig.start(files);
    const stream = await rig.open(trusted());
    const renewed = authority!.issue({ subjectAltNames: ["DNS:renewed.test"] });
    copyFileSync(renewed.certFile, first.certFile);
    await rig.until(() => lines.some((line) => line.includes("the last good ones stay in use")));
    assert.equal(await rig.attempt(trusted()), "answered", "a key that does not fit yet changes nothing");
    copyFileSync(renewed.keyFile, first.keyFile);
    await rig.until(() => lines.some((line) => line.includes("in use for new connections")));
    assert.equal(await rig.attempt({ ...trusted(), serverName: "renewed.test" }), "answered");
    assert.match(await rig.attempt(trusted()), /altnames/);
    assert.equal(stream.ended, undefined);
    stream.close();
  });

  it("does not begin with files that are no good, and says which", async () => {
    const leaf = authority!.issue();
    const strange = authority!.issue();
    const files = new CertificateFiles(pathsOf({ ...leaf, keyFile: strange.keyFile }), quiet);
    await assert.rejects(
      files.start(() => {}),
      (error) => {
        assert.ok(error instanceof IdentityError);
        assert.match(error.message, /^--tls-key-file: found .*: the key of another certificate, wanted/);
        return true;
      },
    );
    const none = new CertificateFiles({ ...pathsOf(leaf), certFile: join(authority!.folder, "none") }, quiet);
    await assert.rejects(
      none.start(() => {}),
      /^IdentityError: --tls-cert-file: found .*none: /,
    );
  });
});
