import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { IdentitySigner } from "../../src/proxy/callers/identity-signer.ts";
import { declare } from "../clients/harness/suite.ts";
import { callingPod } from "../proxy/callers/fixture/calling-pod.ts";
import { GrpcBackend } from "../proxy/fixture/grpc-backend.ts";
import { LocalProxy } from "../proxy/fixture/local-proxy.ts";
import { RawClient } from "../proxy/fixture/raw-client.ts";
import { until } from "../proxy/fixture/until.ts";
import { VERIFIERS } from "./languages.ts";

const ANY_IP = { ipv4: "127.18.0.0/16", ipv6: "fd00:77::/64" };
const [ECHO, OTHER] = ["echo.default:50051", "other.default:50051"];
const DOOR = "127.18.255.1";
const POD = "127.0.1.5";
const SUBJECT = "system:serviceaccount:shop:default";
const CLAIMS = { uid: "u", namespace: "shop", pod: "p", serviceAccount: "default", workload: "" };
const DOCS = join(import.meta.dirname, "../../docs/identity.md");

function newKey(): string {
  return generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

describe("what endpoints verify callers by", () => {
  let folder: string;
  let keysFile: string;
  /** Tokens by what is special about them. */
  const tokens: Record<string, string> = {};

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "isobar-identity-"));
    keysFile = join(folder, "keys.json");
    const keyFile = join(folder, "key.pem");
    // Behind, so that the signer's next looks at the file come before the tests' time.
    let aheadMs = -4_000;
    const write = (pem: string): void => {
      writeFileSync(keyFile, pem);
      aheadMs += 6_000;
      utimesSync(keyFile, aheadMs, aheadMs);
    };
    const onTrouble = (reason: string): void => assert.fail(reason);
    const signer = new IdentitySigner({
      keyFile,
      node: "n1",
      wallMs: () => Date.now() - 10_000 + aheadMs,
      onTrouble,
    });
    const backend = await GrpcBackend.start();
    const proxy = await LocalProxy.start({ anyIp: ANY_IP, identity: { signer, lifetimeMs: 600_000 } });
    proxy.apply([backend.port], { name: ECHO });
    proxy.apply([backend.port], { name: OTHER });
    const added = [ECHO, OTHER].map((service, i) => ({ number: i + 1, service }));
    proxy.dataPlane.reception.applyServices({ added, removed: [] });
    proxy.applyCallers([callingPod("u1", "shop", POD), callingPod("u2", "shop", "127.0.1.6")]);
    const seen = async (address: string, pod = POD): Promise<string> => {
      const client = new RawClient(proxy.port, {}, pod, address);
      assert.equal((await client.call(Buffer.alloc(5))).status, 0);
      client.close();
      return String(backend.metadata.get("x-isobar-caller")[0]);
    };

    const [former, next] = [newKey(), newKey()];
    write(former);
    tokens["good"] = await seen("127.18.0.1");
    tokens["for another service"] = await seen("127.18.0.2");
    write(next + former);
    // A pod that has no token yet.
    tokens["signed with the next key"] = await seen("127.18.0.1", "127.0.1.6");
    const answer = await new Promise<string>((resolve, reject) => {
      const options = { host: DOOR, port: proxy.port, localAddress: POD, path: "/isobar/identity-keys" };
      request(options, (response) => text(response).then(resolve, reject))
        .on("error", reject)
        .end();
    });
    writeFileSync(keysFile, answer);

    const lateSigner = new IdentitySigner({
      keyFile,
      node: "n1",
      wallMs: () => Date.now() - 120_000,
      onTrouble,
    });
    tokens["expired"] = lateSigner.sign(CLAIMS, ECHO, 60_000);
    const [head = "", body = "", signature = ""] = tokens["good"].split(".");
    const changed = Buffer.from(body, "base64url")
      .toString()
      .replace('"namespace":"shop"', '"namespace":"bank"');
    assert.ok(changed.includes("bank"));
    tokens["changed"] = `${head}.${Buffer.from(changed).toString("base64url")}.${signature}`;
    const unsigned = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    tokens["unsigned"] = `${unsigned}.${body}.`;
    const strangeFile = join(folder, "strange.pem");
    writeFileSync(strangeFile, newKey());
    const stranger = new IdentitySigner({
      keyFile: strangeFile,
      node: "n1",
      wallMs: () => Date.now(),
      onTrouble,
    });
    tokens["of somebody else's key"] = stranger.sign(CLAIMS, ECHO, 60_000);
    tokens["no token"] = "admin";

    await until("connections gone", () => proxy.dataPlane.downstreamConnections === 0);
    proxy.dataPlane.reception.applyServices({ added: [], removed: [1, 2] });
    await proxy.close();
    await backend.stop();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [name, { language, builds }] of Object.entries(VERIFIERS)) {
    declare(`is taken and refused as it should in ${name}`, builds, async () => {
      const { command, args, env } = language.program;
      const output = execFileSync(command, [...args, keysFile, ECHO], {
        input: `${Object.values(tokens).join("\n")}\n`,
        encoding: "utf8",
        env: { ...process.env, ...env },
      });
      const said = output.trimEnd().split("\n");
      const got = Object.fromEntries(
        Object.keys(tokens).map((what, i) => [what, said[i]?.replace(/:? .*/, "")]),
      );
      const wanted = Object.keys(tokens).map((what) => [
        what,
        /^good|next key/.test(what) ? SUBJECT : "refused",
      ]);
      assert.deepEqual(got, Object.fromEntries(wanted), output);
    });
  }

  it("stands in the docs as it was tried here", () => {
    const docs = readFileSync(DOCS, "utf8");
    for (const { file } of Object.values(VERIFIERS)) {
      const source = readFileSync(join(import.meta.dirname, file), "utf8");
      const [, shown = ""] =
        /^ *(?:\/\/|#) docs: begin\n([\s\S]*?)\n* *(?:\/\/|#) docs: end/m.exec(source) ?? [];
      assert.notEqual(shown, "", file);
      assert.ok(docs.includes(`\n${shown}\n\`\`\``), `docs/identity.md does not show ${file}`);
    }
  });
});
