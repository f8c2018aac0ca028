import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Command } from "commander";
import type { WebhookOptions } from "../../src/cli/webhook-options.ts";
import { addWebhookOptions, webhookFlags } from "../../src/cli/webhook-options.ts";
import { VERSION } from "../../src/telemetry/version.ts";
import { Child } from "../clients/harness/child.ts";
import { REPOSITORY } from "../clients/harness/paths.ts";

function flags(...args: readonly string[]) {
  const command = addWebhookOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  command.parse(args, { from: "user" });
  return webhookFlags(command.opts<WebhookOptions>());
}

describe("the options about the webhook", () => {
  it("say nothing without an address, and with one have the names of the manifests", () => {
    assert.equal(flags(), undefined);
    assert.deepEqual(flags("--webhook", "0.0.0.0:18443"), {
      address: { kind: "ip", host: "0.0.0.0", port: 18_443 },
      configuration: "zz-isobar",
      image: `isobar:${VERSION}`,
      door: "169.254.77.1:15001",
    });
    assert.equal(flags("--webhook", "[::]:1", "--webhook-door", "[fd00::1]:15001")?.door, "[fd00::1]:15001");
  });

  it("refuse what is no address", () => {
    for (const [option, value] of [
      ["--webhook", "18443"],
      ["--webhook", "unix:/x"],
      ["--webhook-door", "node:15001"],
    ] as const)
      assert.throws(() => flags(option, value), /wanted ip:port/);
  });

  it("are refused where an API server could not ask, before a port opens", async () => {
    const args = ["control-plane", "--static", "none.yaml", "--insecure", "--webhook", "127.0.0.1:0"];
    const program = { command: process.execPath, args: [join(REPOSITORY, "src/cli/launch.mjs")] };
    const { code, stderr } = await new Child(program, args).waitForEnd(20_000);
    assert.equal(code, 64, stderr);
    assert.match(stderr, /^--webhook: found it beside --static, wanted Kubernetes and TLS/m);
  });
});
