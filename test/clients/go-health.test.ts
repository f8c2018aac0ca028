import assert from "node:assert/strict";
import { checkOf, HealthRig } from "../health/health-rig.ts";
import { until } from "../proxy/fixture/until.ts";
import { missingForCarrier } from "../support/missing-for-carrier.ts";
import { TestAuthority } from "../support/test-authority.ts";
import { Child } from "./harness/child.ts";
import { go } from "./harness/go.ts";
import { declare } from "./harness/suite.ts";

const ID = "spiffe://cluster.local/ns/default/sa/echo";
const READY_LIMIT_MS = 30_000;

async function follow(more: readonly string[], identity?: (rig: HealthRig) => number): Promise<void> {
  const server = new Child(go.program, ["serve", "--port", "0", "--name", "health", ...more]);
  const checks = new HealthRig();
  try {
    const [, address] = await server.waitForOutput(/^ready (\S+)$/m, READY_LIMIT_MS);
    const port = Number(address!.split(":")[1]);
    checks.apply([port], checkOf({ kind: "grpc", service: "" }, 1_000), identity?.(checks) ?? 0);
    await until("good ones", () => checks.count("success") >= 2, { seen: () => checks.lines.join("") });
    server.signal("SIGUSR1");
    await until("out", () => checks.isOut(port));
    server.signal("SIGUSR2");
    await until("back", () => !checks.isOut(port));
    assert.equal(checks.lines.length, 2);
  } finally {
    checks.monitor.close();
    await server.stop();
  }
}

declare("active checks follow grpc-go's own health service", [go], () => follow([]));

if (missingForCarrier("tls") === false) {
  declare("active checks follow grpc-go's own health service over mutual TLS", [go], async () => {
    const authority = new TestAuthority();
    const [ours, theirs] = [authority.issue(), authority.issue({ subjectAltNames: [`URI:${ID}`] })];
    const { ca } = authority;
    try {
      await follow(["--tls", `${theirs.certFile},${theirs.keyFile},${authority.caFile}`], ({ monitor }) => {
        const { cert, key } = ours;
        const names = { serverName: "echo.default.svc.cluster.local", subjectAltNames: [ID] };
        monitor.setTlsIdentity({ number: 1, ...names, ca, cert, key });
        return 1;
      });
    } finally {
      authority.remove();
    }
  });
}
