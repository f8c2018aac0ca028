import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Command } from "commander";
import type { PeerOptions } from "../../src/cli/peer-options.ts";
import { addPeerOptions, peerFlags } from "../../src/cli/peer-options.ts";

/** @throws what the command line says where it is wrong. */
function parse(...args: readonly string[]) {
  const command = addPeerOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return peerFlags(command.parse(args, { from: "user" }).opts<PeerOptions>());
}

describe("options about other replicas", () => {
  it("name as many as there are, by name or address", () => {
    assert.equal(parse(), undefined);
    const flags = parse(
      "--peers",
      "cp.isobar-system.svc:18000",
      "--peers",
      "[fd00::1]:1",
      "--peer-token-file",
      "t",
    );
    assert.deepEqual(flags, {
      addresses: [
        { host: "cp.isobar-system.svc", port: 18_000 },
        { host: "fd00::1", port: 1 },
      ],
      tokenFile: "t",
      caFile: undefined,
    });
  });

  it("are refused with what was found and what is wanted", () => {
    for (const wrong of ["cp", "cp:0", "cp:65536", ":18000", "fd00::1:18000", "a b:1"])
      assert.throws(() => parse("--peers", wrong), /Found ".*", wanted host:port/, wrong);
    assert.throws(
      () => parse("--peer-ca-file", "ca"),
      /^ExitError: --peer-ca-file: found it without --peers, wanted both or neither/,
    );
  });
});
