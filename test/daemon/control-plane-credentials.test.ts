import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, it } from "node:test";
import { parseConfig } from "../../src/config/parse-config.ts";
import { ControlPlaneCredentials } from "../../src/daemon/control-plane-credentials.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { missingOpenssl, TestAuthority } from "../support/test-authority.ts";

const missing = missingOpenssl();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;
const authority = skip === false ? new TestAuthority() : undefined;
after(() => authority?.remove());

it("what a proxy shows is read anew each time; without files that were ever good there is nothing", {
  skip,
}, () => {
  const { folder } = authority!;
  const tokenFile = join(folder, "token");
  const caFile = join(folder, "bundle.crt");
  const lines: string[] = [];
  const log = createLog({ stream: { write: (line) => void lines.push(line) } });
  const text = `
listeners: [{ name: a, address: "127.0.0.1:1" }]
controlPlane: { addresses: ["cp:1"], tls: { mode: SIMPLE, caFile: ${caFile} }, tokenFile: ${tokenFile} }`;
  const { config } = parseConfig(text, { file: "isobar.yaml", env: {} });
  const credentials = new ControlPlaneCredentials(config!.controlPlane!, log);
  assert.throws(() => credentials.tls(), /^Error: controlPlane\.tls\.caFile: ENOENT/);
  assert.throws(() => credentials.token(), /^Error: controlPlane\.tokenFile: found .*ENOENT/);

  writeFileSync(caFile, authority!.ca);
  writeFileSync(tokenFile, "first\n");
  assert.deepEqual([credentials.tls()?.ca, credentials.token()], [authority!.ca, "first"]);
  writeFileSync(tokenFile, "second");
  assert.equal(credentials.token(), "second");
  writeFileSync(tokenFile, "two words");
  assert.throws(() => credentials.token(), /characters that no token has/);

  const other = new TestAuthority();
  writeFileSync(caFile, authority!.ca + other.ca);
  assert.equal(credentials.tls()?.ca, authority!.ca + other.ca);
  other.remove();
  rmSync(caFile);
  for (let i = 0; i < 3; i++)
    assert.match(credentials.tls()?.ca ?? "", /^-----BEGIN/, "the last good one stays");
  assert.equal(lines.length, 1, lines.join(""));
});
