import assert from "node:assert/strict";
import { it } from "node:test";
import { parseIpAddress } from "../../../src/base/ip-address.ts";
import { parseConfig } from "../../../src/config/parse-config.ts";
import { privateListener } from "../../../src/daemon/capture/private-listener.ts";
import { OwnAddresses } from "../../../src/proxy/port/own-addresses.ts";
import { TargetGuard } from "../../../src/proxy/port/target-guard.ts";
import { parseTunnelTarget } from "../../../src/proxy/port/tunnel-target.ts";
import { TunnelResult } from "../../../src/telemetry/port-cell.ts";

it("a tunnel to whatever there is does not lead into the ranges that are captured by", () => {
  const text = JSON.stringify({
    listeners: [],
    capture: {
      anyIp: { ipv6: "fd12:77::/64" },
      connect: { allowedTargets: ["*"], deniedRanges: ["10.1.0.0/16"] },
    },
  });
  const { config, problems } = parseConfig(text, { file: "isobar.yaml", env: {} });
  assert.deepEqual(problems ?? [], []);
  const guard = new TargetGuard(privateListener(config!.capture!).connect);
  const own = new OwnAddresses(
    () => 0,
    () => [],
  );
  const judge = (host: string): TunnelResult => {
    const target = parseTunnelTarget(`${host}:443`)!;
    return guard.judge(target, parseIpAddress(host.replace(/^\[|\]$/g, ""))!, own);
  };
  assert.equal(judge("10.2.0.1"), TunnelResult.allowed);
  assert.equal(judge("[fd12:78::1]"), TunnelResult.allowed);
  for (const host of ["10.1.0.1", "240.18.0.1", "[fd12:77::ff02]", "169.254.77.1"])
    assert.notEqual(judge(host), TunnelResult.allowed, host);
});
