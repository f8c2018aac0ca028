import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, verify } from "node:crypto";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { readIdentityKeys } from "../../../src/proxy/callers/identity-keys.ts";
import { IdentitySigner } from "../../../src/proxy/callers/identity-signer.ts";
import type { Caller } from "../../../src/resource/caller.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";

const ECHO = "echo.default:50051";
const MESSAGE = Buffer.alloc(5);
const POD = "127.0.1.5";

const SHOP_POD: Caller = {
  uid: "u1",
  namespace: "shop",
  pod: "a",
  serviceAccount: "web",
  workload: "Deployment/a",
  addresses: [POD],
  mode: "transparent",
  failClosed: false,
  reclaim: true,
};

describe("the header that says who calls", () => {
  let folder: string;
  let keyFile: string;
  let nowMs: number;
  let proxy: LocalProxy | undefined;
  let backend: GrpcBackend;
  let client: RawClient;
  const troubles: string[] = [];
  const writeKey = () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    writeFileSync(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
    return publicKey;
  };
  const signer = (): IdentitySigner =>
    new IdentitySigner({
      keyFile,
      node: "n1",
      wallMs: () => nowMs,
      onTrouble: (reason) => troubles.push(reason),
    });

  beforeEach(async () => {
    troubles.length = 0;
    nowMs = Date.UTC(2026, 10, 23);
    folder = mkdtempSync(join(tmpdir(), "isobar-key-"));
    keyFile = join(folder, "key.pem");
    backend = await GrpcBackend.start();
  });
  afterEach(async () => {
    client?.close();
    if (proxy !== undefined) {
      const { dataPlane } = proxy;
      await until("connections gone", () => dataPlane.downstreamConnections === 0);
      dataPlane.reception.applyServices({ added: [], removed: [1] });
      await proxy.close();
    }
    proxy = undefined;
    await backend.stop();
    rmSync(folder, { recursive: true });
  });

  async function start(identity: boolean): Promise<void> {
    proxy = await LocalProxy.start({
      anyIp: { ipv4: "127.18.0.0/16", ipv6: "fd00:77::/64" },
      ...(identity ? { identity: { signer: signer(), lifetimeMs: 60_000 } } : {}),
    });
    proxy.apply([backend.port], { name: ECHO });
    proxy.dataPlane.reception.applyServices({ added: [{ number: 1, service: ECHO }], removed: [] });
    proxy.applyCallers([SHOP_POD]);
    client = new RawClient(proxy.port, {}, POD, "127.18.0.1");
  }
  const told = (): readonly string[] => backend.metadata.get("x-isobar-caller").map(String);

  it("is dropped from what callers say under names that gateways read alike, too", async () => {
    writeKey();
    await start(true);
    const lies = { x_isobar_caller: "admin", "x-isobar_caller": "admin", "x_isobar-caller": "admin" };
    for (let i = 0; i < 2; i++) {
      assert.equal((await client.call(MESSAGE, { ...lies, x_mine: "stays" })).status, 0);
      const names = Object.keys(backend.metadata.getMap());
      assert.deepEqual(
        names.filter((name) => name.replaceAll("_", "-") === "x-isobar-caller"),
        ["x-isobar-caller"],
      );
      assert.equal(told().length, 1);
      assert.deepEqual(backend.metadata.get("x_mine"), ["stays"]);
    }
  });

  it("is signed for the service, and short-lived; what a caller says itself is dropped", async () => {
    const publicKey = writeKey();
    await start(true);
    for (let i = 0; i < 3; i++) {
      const { status } = await client.call(MESSAGE, { "x-isobar-caller": "admin", "x-mine": "stays" });
      assert.equal(status, 0);
      assert.equal(told().length, 1);
      const [head, body, signature] = told()[0]!.split(".") as [string, string, string];
      assert.ok(verify(null, Buffer.from(`${head}.${body}`), publicKey, Buffer.from(signature, "base64url")));
      const decode = (part: string) =>
        JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
      const half = publicKey.export({ type: "spki", format: "der" });
      assert.deepEqual(decode(head), {
        alg: "EdDSA",
        typ: "JWT",
        kid: createHash("sha256").update(half).digest("hex").slice(0, 16),
      });
      assert.deepEqual(decode(body), {
        iss: "isobar",
        sub: "system:serviceaccount:shop:web",
        aud: ECHO,
        iat: nowMs / 1000,
        exp: nowMs / 1000 + 60,
        node: "n1",
        uid: "u1",
        namespace: "shop",
        pod: "a",
        serviceAccount: "web",
        workload: "Deployment/a",
      });
      assert.deepEqual(backend.metadata.get("x-mine"), ["stays"]);
    }
  });

  it("is dropped from requests where nothing is signed, too", async () => {
    await start(false);
    for (let i = 0; i < 3; i++) {
      assert.equal((await client.call(MESSAGE, { "X-Isobar-Caller": "admin" })).status, 0);
      assert.deepEqual(told(), []);
    }
  });

  it("is signed with the first key of a file, and all of its keys are published: a next one is known before it signs", () => {
    const [former, next] = [generateKeyPairSync("ed25519"), generateKeyPairSync("ed25519")];
    const pem = ({ privateKey }: typeof next) =>
      privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const publicPem = ({ publicKey }: typeof next) =>
      publicKey.export({ type: "spki", format: "pem" }).toString();
    const x = ({ publicKey }: typeof next) => publicKey.export({ format: "jwk" }).x;
    const made = signer();
    const claims = { uid: "u", namespace: "n", pod: "p", serviceAccount: "s", workload: "" };
    const steps: [string, typeof next, (typeof next)[]][] = [
      [pem(former), former, [former]],
      [pem(former) + pem(next), former, [former, next]],
      [pem(next) + publicPem(former), next, [next, former]],
      [pem(next), next, [next]],
    ];
    assert.equal(made.publicKeys(), "");
    for (const [i, [text, signing, known]] of steps.entries()) {
      writeFileSync(keyFile, text);
      utimesSync(keyFile, i + 1, i + 1);
      nowMs += 10_000;
      const { keys } = JSON.parse(made.publicKeys()) as { keys: Record<string, string>[] };
      assert.deepEqual(
        keys.map((key) => key["x"]),
        known.map(x),
      );
      const [head, body, signature] = made.sign(claims, ECHO, 60_000).split(".") as [string, string, string];
      const signed = Buffer.from(`${head}.${body}`);
      assert.ok(verify(null, signed, signing.publicKey, Buffer.from(signature, "base64url")), `step ${i}`);
      const { kid } = JSON.parse(Buffer.from(head, "base64url").toString()) as { kid: string };
      assert.equal(kid, keys[0]!["kid"]);
    }
    assert.throws(() => readIdentityKeys(publicPem(next)), /found no private key/);
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const wrong = rsa.export({ type: "pkcs8", format: "pem" }).toString();
    assert.throws(() => readIdentityKeys(wrong), /found a key of rsa, wanted Ed25519/);
  });

  it("is never the former owner's of an address that another pod has got, however soon: neither on new connections nor on those that stood", async () => {
    writeKey();
    await start(true);
    const subject = (): string => {
      const body = JSON.parse(Buffer.from(told()[0]!.split(".")[1]!, "base64url").toString()) as {
        uid: string;
      };
      return body.uid;
    };
    const stale: RawClient[] = [];
    for (let i = 1; i <= 20; i++) {
      const uid = `u${i}`;
      // The former is gone for no time at all, or for a while in which nobody has the address.
      if (i % 2 === 0) proxy!.applyCallers([]);
      proxy!.applyCallers([{ ...SHOP_POD, uid, serviceAccount: `account-${i}` }]);
      const fresh = new RawClient(proxy!.port, {}, POD, "127.18.0.1");
      stale.push(fresh);
      for (const each of stale) {
        const { status } = await each.call(MESSAGE).catch(() => ({ status: -1 }));
        if (status === 0) assert.equal(subject(), uid, "a connection that stood");
        else assert.notEqual(each, fresh);
      }
    }
    for (const each of stale) each.close();
  });

  it("is not there while the key cannot be used, which is told once; a good key stays in use while the file is broken", () => {
    const made = signer();
    const claims = { uid: "u", namespace: "n", pod: "p", serviceAccount: "s", workload: "" };
    assert.equal(made.sign(claims, ECHO, 60_000), "");
    nowMs += 10_000;
    assert.equal(made.sign(claims, ECHO, 60_000), "");
    assert.equal(troubles.length, 1);
    writeKey();
    nowMs += 10_000;
    const [first] = made.sign(claims, ECHO, 60_000).split(".");
    assert.notEqual(first, "");
    writeFileSync(keyFile, "half");
    utimesSync(keyFile, 1, 1);
    nowMs += 10_000;
    assert.equal(made.sign(claims, ECHO, 60_000).split(".")[0], first);
    assert.equal(troubles.length, 2);
    writeKey();
    utimesSync(keyFile, 2, 2);
    nowMs += 10_000;
    assert.notEqual(made.sign(claims, ECHO, 60_000).split(".")[0], first, "another key has another id");
  });
});
