import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Command } from "commander";
import type { TrustOptions } from "../../src/cli/trust-options.ts";
import { addTrustOptions, trustFlags } from "../../src/cli/trust-options.ts";
import type { TrustFlags } from "../../src/control-plane/trust/create-trust.ts";

function flags(args: string, around: { static?: string; kubeconfig?: string } = {}): TrustFlags {
  const command = addTrustOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  command.parse(args === "" ? [] : args.split(" "), { from: "user" });
  return trustFlags(command.opts<TrustOptions>(), { clusterDomain: "cluster.local", ...around });
}

describe("the options about trust", () => {
  it("against Kubernetes: an own authority, reviewed tokens, what opted in", () => {
    assert.deepEqual(flags(""), {
      kind: "tls",
      certificates: { kind: "own", secret: undefined, names: [], clientCaFile: undefined },
      clientAuth: "required",
      kubeConfig: { file: undefined, context: undefined },
      clusterDomain: "cluster.local",
      proxyAccounts: [],
      clientsFile: undefined,
      scope: "opted-in",
      hasReplicas: false,
    });
    const repeated = flags(
      "--proxy-service-account a/b --proxy-service-account c/d --tls-name x.y --scope cluster",
    );
    assert.ok(repeated.kind === "tls");
    assert.deepEqual([repeated.proxyAccounts, repeated.scope], [["a/b", "c/d"], "cluster"]);
  });

  it("with a file of services: certificates from files, and how clients are known has to be said", () => {
    const file = { static: "services.yaml" };
    assert.throws(() => flags("", file), /--tls-cert-file: found nothing, wanted a certificate/);
    const pair = "--tls-cert-file c --tls-key-file k";
    assert.throws(() => flags(pair, file), /--client-ca-file: found nothing, wanted authorities/);
    const mutual = flags(`${pair} --client-ca-file a`, file);
    assert.ok(mutual.kind === "tls" && mutual.kubeConfig === undefined);
    const open = flags(`${pair} --client-auth none`, file);
    assert.ok(open.kind === "tls" && open.clientAuth === "none");
    const reviewed = flags(pair, { ...file, kubeconfig: "k" });
    assert.ok(reviewed.kind === "tls" && reviewed.kubeConfig?.file === "k");
  });

  it("clear text is asked for, and for nothing beside it", () => {
    assert.deepEqual(flags("--insecure", { static: "f" }), { kind: "insecure" });
    assert.throws(
      () => flags("--insecure --tls-cert-file c"),
      /--insecure: found it beside c, wanted either/,
    );
    assert.throws(() => flags("--insecure --client-auth none"), /beside --client-auth none/);
  });

  it("halves and contradictions are refused by name", () => {
    assert.throws(() => flags("--tls-cert-file c"), /--tls-key-file: found nothing/);
    assert.throws(() => flags("--tls-key-file k"), /--tls-cert-file: found nothing/);
    assert.throws(
      () => flags("--tls-cert-file c --tls-key-file k --ca-secret a/b"),
      /--ca-secret: found a\/b beside/,
    );
    assert.throws(() => flags("--ca-secret nonsense"), /Found "nonsense", wanted namespace\/name/);
  });
});
