import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { LocalProxy } from "../proxy/fixture/local-proxy.ts";
import { missingForCarrier } from "../support/missing-for-carrier.ts";
import { TestAuthority } from "../support/test-authority.ts";
import { Backends } from "./harness/backends.ts";
import { assertSpread, runChecks } from "./harness/checks.ts";
import { go } from "./harness/go.ts";
import { AUTHORITY } from "./harness/proxy.ts";
import { declare } from "./harness/suite.ts";

const NAMES = ["first", "second", "third"] as const;
const ID = "spiffe://cluster.local/ns/default/sa/echo";
const IDENTITY = 1;

if (missingForCarrier("tls") === false) {
  declare(
    "grpc-go client passes every check at grpc-go servers that want our certificate",
    [go],
    async () => {
      const authority = new TestAuthority();
      const [ours, theirs] = [authority.issue(), authority.issue({ subjectAltNames: [`URI:${ID}`] })];
      const files = `${theirs.certFile},${theirs.keyFile},${authority.caFile}`;
      const args = ["--tls", files];
      const backends = await Backends.start(go, NAMES, args);
      const proxy = await LocalProxy.start();
      const { ca } = authority;
      const { cert, key } = ours;
      proxy.dataPlane.setTlsIdentity({
        number: IDENTITY,
        serverName: "echo.default.svc.cluster.local",
        subjectAltNames: [ID],
        ca,
        cert,
        key,
      });
      const ports = backends.addresses.map((address) => Number(address.split(":")[1]));
      proxy.apply(ports, {
        name: AUTHORITY,
        settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
        tlsIdentity: IDENTITY,
      });
      try {
        assertSpread(await runChecks(go, `127.0.0.1:${proxy.port}`, AUTHORITY), NAMES, 1.1);
      } finally {
        await proxy.close();
        await backends.stop();
        authority.remove();
      }
    },
  );
}
