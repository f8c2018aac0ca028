import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { it } from "node:test";
import { KubeConfig } from "../../src/kube/kube-config.ts";

function files(t: TestContext, contents: Readonly<Record<string, string>>): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), "isobar-kubeconfig-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(contents)) writeFileSync(join(folder, name), text);
  return (name) => join(folder, name);
}

function config(name: string, user: string, current = name): string {
  return `
clusters: [{name: ${name}, cluster: {server: "https://${name}:6443", certificate-authority: ca.pem, tls-server-name: api.${name}}}]
users: [{name: ${name}, user: ${user}}]
contexts: [{name: ${name}, context: {cluster: ${name}, user: ${name}, namespace: of-${name}}}]
current-context: "${current}"
`;
}

/** Runs with these environment variables, and none of those it had of these names. */
function withEnvironment(t: TestContext, variables: Readonly<Record<string, string>>): void {
  const before = { ...process.env };
  t.after(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
    Object.assign(process.env, before);
  });
  Object.assign(process.env, variables);
}

const USERS: readonly (readonly [what: string, user: string, authorization: string])[] = [
  ["a token", "{token: t}", "Bearer t"],
  ["a name and a password", "{username: u, password: p}", `Basic ${btoa("u:p")}`],
  [
    "a program",
    `{exec: {apiVersion: client.authentication.k8s.io/v1, command: echo, args: ['{"status": {"token": "said"}}'], interactiveMode: Never}}`,
    "Bearer said",
  ],
];
for (const [what, user, authorization] of USERS) {
  it(`${what} is what a user is known by`, async (t) => {
    const path = files(t, { config: config("a", user), "ca.pem": "authority" });
    const { headers } = await KubeConfig.load(path("config")).identity();
    assert.equal(headers["Authorization"], authorization);
  });
}

it("the authority's file lies beside the kubeconfig, and is read as it is now", async (t) => {
  const path = files(t, { config: config("a", "{token: t}"), "ca.pem": "first" });
  const known = KubeConfig.load(path("config"));
  assert.equal(String((await known.identity()).ca), "first");
  writeFileSync(path("ca.pem"), "second");
  const { ca, servername } = await known.identity();
  assert.equal(String(ca), "second");
  assert.equal(servername, "api.a");
});

it("the files of KUBECONFIG are one", async (t) => {
  const path = files(t, {
    one: config("a", "{token: of-a}"),
    other: config("b", "{token: of-b}", ""),
    "ca.pem": "",
  });
  withEnvironment(t, { KUBECONFIG: `${path("one")}:${path("other")}` });
  const known = KubeConfig.load();
  assert.deepEqual(
    known.contexts.map(({ name }) => name),
    ["a", "b"],
  );
  assert.equal(known.currentContext, "a", "the second names none");
  known.currentContext = "b";
  assert.equal(known.cluster?.server, "https://b:6443");
  assert.equal(known.context?.namespace, "of-b");
  assert.equal((await known.identity()).headers["Authorization"], "Bearer of-b");
});

it("two files that say something of one name are refused", (t) => {
  const path = files(t, { one: config("a", "{}"), other: config("a", "{}") });
  withEnvironment(t, { KUBECONFIG: `${path("one")}:${path("other")}` });
  assert.throws(() => KubeConfig.load(), { message: "two files have a cluster a" });
});

it("without a word from anybody it is the API server of this machine, as kubectl has it", (t) => {
  const path = files(t, {});
  withEnvironment(t, { KUBECONFIG: "", HOME: path("nobody") });
  assert.equal(KubeConfig.load().cluster?.server, "http://localhost:8080");
});

it("reading a kubeconfig does not load the classes of all kinds there are", async (t) => {
  const path = files(t, { config: config("a", "{token: t}"), "ca.pem": "" });
  const module = new URL("../../src/kube/kube-config.ts", import.meta.url).href;
  const program = `
    const { registerHooks } = await import("node:module");
    registerHooks({ resolve(name, context, next) { const found = next(name, context); if (found.url.includes("/client-node/dist/gen/")) throw new Error(found.url); return found; } });
    const { KubeConfig } = await import(${JSON.stringify(module)});
    await KubeConfig.load(${JSON.stringify(path("config"))}).identity();`;
  const { execFileSync } = await import("node:child_process");
  execFileSync(process.execPath, ["--input-type=module", "-e", program], { stdio: "pipe" });
});
