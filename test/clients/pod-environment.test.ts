import assert from "node:assert/strict";
import { proxyVariables } from "../../src/control-plane/webhook/proxy-variables.ts";
import { assertSpread, runChecks, SPREAD_CALLS } from "./harness/checks.ts";
import { go } from "./harness/go.ts";
import { java } from "./harness/java.ts";
import type { Language } from "./harness/language.ts";
import { node } from "./harness/node.ts";
import { AUTHORITY } from "./harness/proxy.ts";
import { python } from "./harness/python.ts";
import { rust } from "./harness/rust.ts";
import { declare, withProxy } from "./harness/suite.ts";

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

for (const client of [go, python, java, node]) {
  const server = client === node ? go : client;
  declare(
    `${client.name} calls Services by the proxy, and its own Pod past it, with the variables that the webhook sets`,
    [client, server],
    () =>
      withProxy(server, async ({ address, endpoints }) => {
        const program = inPod(client, address);
        // The names resolve nowhere: success is the proxy's.
        for (const target of [AUTHORITY, "echo.default:50051"])
          assertSpread(await runChecks(program, target, target, SHORT), NAMES, 1.1);
        const local = `localhost:${endpoints[0]!.split(":")[1]}`;
        assert.deepEqual(await runChecks(program, local, local, ["spread"]), { first: SPREAD_CALLS });
      }),
  );
}

declare("grpc-js calls the proxy's address by another authority", [node, go], () =>
  withProxy(go, async ({ address }) => {
    assertSpread(await runChecks(node, address, AUTHORITY, SHORT), NAMES, 1.1);
  }),
);

declare("tonic needs no exception from the variables that the webhook sets", [rust], () =>
  withProxy(rust, async ({ address }) => {
    assertSpread(await runChecks(inPod(rust, address), address, AUTHORITY, SHORT), NAMES, 1.1);
  }),
);
