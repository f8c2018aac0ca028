import assert from "node:assert/strict";
import { waitForCapture } from "../../src/cli/wait-for-capture.ts";
import { proxyVariables } from "../../src/control-plane/webhook/proxy-variables.ts";
import { assertSpread, runChecks, SPREAD_CALLS } from "./harness/checks.ts";
import { go } from "./harness/go.ts";
import { java } from "./harness/java.ts";
import type { Language } from "./harness/language.ts";
import { node } from "./harness/node.ts";
import { NodeProxy } from "./harness/node-proxy.ts";
import { python } from "./harness/python.ts";
import { rust } from "./harness/rust.ts";
import { declare, withBackends } from "./harness/suite.ts";

/** `echo.default:50051` as Pods of its namespace call it. */
const IN_SHORT = "echo:50051";
const NAMES = ["first", "second", "third"];
/** One message each way, and where three hundred calls go. */
const SHORT = ["unary-100", "spread"];

/** @returns the program in a Pod whose environment the webhook has set. */
function inPod(language: Language, door: string): Language {
  const { program } = language;
  const env: Record<string, string> = { ...program.env };
  // What kubelets put in for the API server.
  for (const { name, value } of proxyVariables(door, "cluster.local"))
    env[name] = value.replaceAll("$(KUBERNETES_SERVICE_HOST)", "10.96.0.1");
  return { ...language, program: { ...program, env } };
}

/** Runs the action with three servers of the language, and a node's proxy that leads to them. */
async function onNode(
  server: Language,
  mode: string,
  action: (door: string, endpoints: readonly string[]) => Promise<void>,
): Promise<void> {
  await withBackends(server, NAMES, async ({ addresses }) => {
    const proxy = await NodeProxy.start(addresses, mode);
    try {
      await action(proxy.door, addresses);
    } finally {
      await proxy.stop();
    }
  });
}

for (const client of [go, python, java, node]) {
  const server = client === node ? go : client;
  declare(
    `${client.name} calls a Service by the node's door, and its own Pod past it, with the variables that the webhook sets`,
    [client, server],
    () =>
      onNode(server, "proxy-env", async (door, endpoints) => {
        const program = inPod(client, door);
        // The name resolves nowhere: success is the proxy's.
        assertSpread(await runChecks(program, IN_SHORT, IN_SHORT, SHORT), NAMES, 1.1);
        const local = `localhost:${endpoints[0]!.split(":")[1]}`;
        assert.deepEqual(await runChecks(program, local, local, ["spread"]), { first: SPREAD_CALLS });
      }),
  );
}

for (const client of [go, python, java, rust, node]) {
  const server = client === node ? go : client;
  declare(
    `${client.name} calls the node's address and names the Service, in short, by its authority`,
    [client, server],
    () =>
      onNode(server, "address", async (door) => {
        assertSpread(await runChecks(client, door, IN_SHORT, SHORT), NAMES, 1.1);
      }),
  );
}

declare("isobar wait does not wait in a Pod that comes to the door by itself", [go], () =>
  onNode(go, "address", async (door) => {
    const [host = "", port = ""] = door.split(":");
    const { outcome, text } = await waitForCapture({ host, port: Number(port) }, 20_000);
    assert.equal(outcome, "not_captured", text);
    assert.match(text, /mode address/);
  }),
);
