import assert from "node:assert/strict";
import { ServerCredentials } from "@grpc/grpc-js";
import { declare } from "../../clients/harness/suite.ts";
import { missingForCarrier } from "../../support/missing-for-carrier.ts";
import { TestAuthority } from "../../support/test-authority.ts";
import { ControlPlaneProcess, goControlPlane } from "./control-plane-program.ts";
import { EchoBackend, EchoCaller } from "./echo-backends.ts";
import { cluster, listener, loadAssignment, plainRoute, routeConfiguration } from "./xds-messages.ts";
import { XdsProxy } from "./xds-proxy.ts";

const AUTHORITY = "echo.default:50051";
const ID = "spiffe://cluster.local/ns/default/sa/echo";
const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
const UNAVAILABLE = 14;

/** A cluster as other control planes describe one whose endpoints want mutual TLS. */
function tlsCluster(common: object, sni = "echo.test"): object {
  const typedConfig = { "@type": TLS, sni, commonTlsContext: common };
  return cluster("secure", { transportSocket: { name: "envoy.transport_sockets.tls", typedConfig } });
}

if (missingForCarrier("tls") === false) {
  declare(
    "endpoints are spoken to by TLS as the control plane says, what cannot be kept to is refused, and the last good one stays",
    [goControlPlane],
    async () => {
      const authority = new TestAuthority();
      const ours = authority.issue();
      const theirs = authority.issue({ subjectAltNames: [`URI:${ID}`] });
      const pair = { private_key: Buffer.from(theirs.key), cert_chain: Buffer.from(theirs.cert) };
      const security = ServerCredentials.createSsl(Buffer.from(authority.ca), [pair], true);
      const backend = await EchoBackend.start("secure", "127.0.0.1", 0, security);
      const controlPlane = await ControlPlaneProcess.start();
      const validation = (name: object): object => ({
        trustedCa: { inlineString: authority.ca },
        matchTypedSubjectAltNames: [{ sanType: "URI", matcher: name }],
      });
      const certificate = {
        certificateChain: { filename: ours.certFile },
        privateKey: { filename: ours.keyFile },
      };
      const good = { tlsCertificates: [certificate], validationContext: validation({ exact: ID }) };
      await controlPlane.put("loadAssignment", loadAssignment("secure", [backend.port]));
      await controlPlane.put("cluster", tlsCluster(good));
      await controlPlane.put("routeConfiguration", routeConfiguration("echo", [plainRoute("secure")]));
      await controlPlane.put("listener", listener(AUTHORITY, "echo"));
      const proxy = await XdsProxy.start({ addresses: [controlPlane.address] });
      const caller = new EchoCaller(proxy.address, AUTHORITY);
      try {
        assert.deepEqual(await caller.call(), { name: "secure", code: 0, details: "" });

        await controlPlane.put(
          "cluster",
          tlsCluster({ ...good, validationContext: validation({ exact: `${ID}-other` }) }),
        );
        await proxy.eventually(async () => (await caller.call()).code === UNAVAILABLE);

        await controlPlane.put("cluster", tlsCluster(good));
        await proxy.eventually(async () => (await caller.call()).code === 0);

        const sds = { tlsCertificateSdsSecretConfigs: [{ name: "default" }], validationContext: {} };
        await controlPlane.put("cluster", tlsCluster({ ...good, ...sds }));
        const refusal =
          /transport_socket\.common_tls_context\.tls_certificate_sds_secret_configs: found secrets from elsewhere/;
        await controlPlane.eventually(() =>
          controlPlane.requests.some(({ error }) => refusal.test(error ?? "")),
        );
        assert.equal((await caller.call()).code, 0);

        await controlPlane.put("cluster", tlsCluster({ ...good, tlsCertificates: [] }));
        await proxy.eventually(async () => (await caller.call()).code === UNAVAILABLE);
      } finally {
        caller.close();
        await proxy.stop();
        await controlPlane.stop();
        backend.stop();
        authority.remove();
      }
    },
  );
}
