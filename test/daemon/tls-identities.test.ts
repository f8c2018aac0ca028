import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { TlsIdentities } from "../../src/daemon/tls-identities.ts";
import type { MainToWorker } from "../../src/daemon/worker-messages.ts";
import type { OwnCertificate } from "../../src/telemetry/certificate-metrics.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { until } from "../proxy/fixture/until.ts";
import { missingForCarrier } from "../support/missing-for-carrier.ts";
import { TestAuthority } from "../support/test-authority.ts";

const LOOK_MS = 20;

describe("TLS identities of the configuration", { skip: missingForCarrier("tls") }, () => {
  const authority = new TestAuthority();
  let folder: string;
  let identities: TlsIdentities;
  let sent: MainToWorker[];
  let lines: string[];
  let reloads: boolean[];
  let certificates: readonly OwnCertificate[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "isobar-identities-"));
    [sent, lines, reloads, certificates] = [[], [], [], []];
    identities = new TlsIdentities({
      broadcast: (message) => sent.push(message),
      log: createLog({ stream: { write: (line) => lines.push(line) } }),
      onCertificates: (told) => {
        certificates = told;
      },
      onReload: (succeeded) => reloads.push(succeeded),
      lookMs: LOOK_MS,
    });
  });
  afterEach(() => {
    identities.close();
    rmSync(folder, { recursive: true });
  });
  after(() => authority.remove());

  const announced = () =>
    sent.flatMap((message) => (message.kind === "tls-identity" ? [message.identity] : []));
  const mutual = (from = folder): string =>
    `{ mode: MUTUAL, caFile: ${authority.caFile}, certFile: ${from}/tls.crt, keyFile: ${from}/tls.key }`;
  /** Puts a new pair into a folder, the way `cp` does it. @returns the certificate. */
  const put = (into: string): string => {
    const { cert, certFile, keyFile } = authority.issue();
    copyFileSync(keyFile, join(into, "tls.key"));
    copyFileSync(certFile, join(into, "tls.crt"));
    return cert;
  };

  it("have one number for each set of files and names, the same in every process", () => {
    const config = configOf([
      `{ mode: SIMPLE, caFile: ${authority.caFile} }`,
      `{ mode: SIMPLE, caFile: ${authority.caFile}, serverName: a.test }`,
    ]);
    identities.apply(config);
    const [first, second] = config.clusters.map((cluster) => identities.numberOf(cluster));
    assert.ok(first! > 0 && second! > 0 && first !== second);
    assert.deepEqual(
      announced().map(({ number, serverName, cert }) => [number, serverName, cert]),
      [
        [first, "c0.test", ""],
        [second, "a.test", ""],
      ],
    );
    assert.ok(announced().every(({ ca }) => ca === authority.ca));
    const other = new TlsIdentities({
      broadcast: () => {},
      log: createLog({ level: "silent" }),
      onCertificates: () => {},
      onReload: () => {},
    });
    const reversed = { ...config, clusters: config.clusters.toReversed() };
    other.apply(reversed);
    assert.deepEqual(
      reversed.clusters.map((cluster) => other.numberOf(cluster)),
      [second, first],
    );
    other.close();
    identities.apply(config);
    identities.retire();
    assert.equal(sent.length, 2, "nothing was said again");
    assert.equal([...identities.messages()].length, 2, "for a worker that is new");
  });

  it("are forgotten when no cluster uses them any more", () => {
    const config = configOf([`{ mode: SIMPLE, caFile: ${authority.caFile} }`]);
    identities.apply(config);
    const number = identities.numberOf(config.clusters[0]!);
    identities.apply(configOf([]));
    identities.retire();
    assert.deepEqual(sent.at(-1), { kind: "tls-identity-removed", number });
    assert.deepEqual([...identities.messages()], []);
  });

  it("are renewed under the same number when files are overwritten", async () => {
    const first = put(folder);
    identities.apply(configOf([mutual()]));
    const second = put(folder);
    await until("the new pair is announced", () => announced().length === 2);
    assert.deepEqual(
      announced().map(({ cert }) => cert),
      [first, second],
    );
    assert.equal(announced()[0]!.number, announced()[1]!.number);
    assert.deepEqual(certificates, [
      {
        file: `${folder}/tls.crt`,
        notAfterMs: new X509Certificate(second).validToDate.getTime(),
        notBeforeMs: new X509Certificate(second).validFromDate.getTime(),
      },
    ]);
    assert.deepEqual(reloads, [true]);
  });

  it("are renewed when Kubernetes swaps the link that its files lead through", async () => {
    for (const name of ["..one", "..two"]) mkdirSync(join(folder, name));
    const first = put(join(folder, "..one"));
    symlinkSync("..one", join(folder, "..data"));
    for (const name of ["tls.crt", "tls.key"]) symlinkSync(`..data/${name}`, join(folder, name));
    identities.apply(configOf([mutual()]));
    const second = put(join(folder, "..two"));
    symlinkSync("..two", join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    await until("the new pair is announced", () => announced().length === 2);
    assert.deepEqual(
      announced().map(({ cert }) => cert),
      [first, second],
    );
  });

  it("stay as they were while a key does not fit its certificate, and say so once", async () => {
    put(folder);
    identities.apply(configOf([mutual()]));
    const { cert, certFile, keyFile } = authority.issue();
    copyFileSync(certFile, join(folder, "tls.crt"));
    await until("the mismatch is noticed", () => lines.length > 0);
    await sleep(5 * LOOK_MS);
    assert.equal(announced().length, 1);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /tls\.key.*the key of another certificate.*the last good ones stay in use/);
    assert.deepEqual(reloads, [false]);
    copyFileSync(keyFile, join(folder, "tls.key"));
    await until("the pair is announced", () => announced().length === 2);
    assert.equal(announced()[1]!.cert, cert);
  });

  it("stay as they were when a file vanishes or is cut short", async () => {
    put(folder);
    identities.apply(configOf([mutual()]));
    writeFileSync(join(folder, "tls.crt"), "-----BEGIN CERTIFICATE-----\nMIIB");
    await until("the damage is noticed", () => lines.length === 1);
    rmSync(join(folder, "tls.key"));
    rmSync(join(folder, "tls.crt"));
    await until("the loss is noticed", () => lines.length === 2);
    assert.match(lines[1]!, /tls\.crt.*ENOENT|tls\.crt.*no such file/i);
    assert.equal(announced().length, 1);
  });

  it("are not announced as long as their files were never good, and are as soon as they are", async () => {
    const config = configOf([mutual()]);
    identities.apply(config);
    assert.ok(identities.numberOf(config.clusters[0]!) > 0, "never clear text");
    assert.deepEqual(sent, []);
    put(folder);
    await until("they are announced", () => announced().length === 1);
  });

  it("are left alone by files that were only touched", async () => {
    const { certFile, keyFile } = authority.issue();
    const copy = () => {
      copyFileSync(keyFile, join(folder, "tls.key"));
      copyFileSync(certFile, join(folder, "tls.crt"));
    };
    copy();
    identities.apply(configOf([mutual()]));
    copy();
    await sleep(6 * LOOK_MS);
    assert.equal(announced().length, 1);
    assert.deepEqual(lines, []);
  });
});

function configOf(sections: readonly string[]): Config {
  const clusters = sections.map((tls, i) => `  - { name: "c${i}.test:443", endpoints: [], tls: ${tls} }`);
  const text = ["listeners: [{ name: l, address: 127.0.0.1:1 }]", "clusters:", ...clusters];
  if (clusters.length === 0) text.pop();
  const { config, problems } = parseConfig(text.join("\n"), { file: "f.yaml", env: {} });
  assert.equal(problems, undefined, JSON.stringify(problems));
  return config!;
}
