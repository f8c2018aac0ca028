import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { it } from "node:test";
import { ApiConnection } from "../../src/kube/api-connection.ts";

function kubeConfig(t: TestContext, changes: object = {}, cluster: object = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "isobar-kubeconfig-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "config");
  const tokenFile = join(folder, "token");
  writeFileSync(tokenFile, "first");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:6443/", ...cluster } }],
    users: [{ name: "u", user: { "auth-provider": { name: "tokenFile", config: { tokenFile } } } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
    ...changes,
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

it("requests go with the token of the file", async (t) => {
  const connection = new ApiConnection({ file: kubeConfig(t) });
  t.after(() => connection.close());
  const { origin, headers, dispatcher } = await connection.prepare();
  const { authorization } = headers;
  assert.equal(origin, "https://127.0.0.1:6443");
  assert.equal(authorization, "Bearer first");
  assert.equal((await connection.prepare()).dispatcher, dispatcher, "connections are kept");
});

const WRONG: readonly (readonly [string, (t: TestContext) => object, RegExp])[] = [
  [
    "a file that is not there",
    () => ({ file: "/nonexistent/config" }),
    /^kubeconfig: found none that can be read \(ENOENT/,
  ],
  [
    "a context that is not there",
    (t) => ({ file: kubeConfig(t), context: "y" }),
    /^kubeconfig: found no context "y", wanted one of x$/,
  ],
  [
    "no current cluster",
    (t) => ({ file: kubeConfig(t, { "current-context": "" }) }),
    /^kubeconfig: found no current cluster, .*; set KUBECONFIG/,
  ],
  [
    "a proxy that is none of HTTP",
    (t) => ({ file: kubeConfig(t, {}, { "proxy-url": "socks5://127.0.0.1:1080" }) }),
    /^kubeconfig: found proxy-url socks5:.*, wanted an http/,
  ],
];
for (const [name, choice, message] of WRONG) {
  it(`${name} is refused in words for people`, (t) => {
    assert.throws(() => new ApiConnection(choice(t)), { message });
  });
}
