import assert from "node:assert/strict";
import { go } from "./harness/go.ts";
import { java } from "./harness/java.ts";
import { python } from "./harness/python.ts";
import { testTunnel } from "./harness/suite.ts";

// What each client sends to a proxy that its environment names; the name resolves nowhere, so success is the tunnel's.
testTunnel(go, "HTTPS_PROXY", ({ env }, proxy) => ({ env: { ...env, HTTPS_PROXY: `http://${proxy}` } }));
testTunnel(python, "grpc_proxy", ({ env }, proxy) => ({ env: { ...env, grpc_proxy: `http://${proxy}` } }));
testTunnel(python, "http_proxy", ({ env }, proxy) => ({ env: { ...env, http_proxy: `http://${proxy}` } }));
testTunnel(java, "-Dhttps.proxyHost", ({ env }, proxy) => {
  const [host, port] = proxy.split(":");
  assert.ok(host !== undefined && port !== undefined);
  return { env: { ...env, JAVA_TOOL_OPTIONS: `-Dhttps.proxyHost=${host} -Dhttps.proxyPort=${port}` } };
});
