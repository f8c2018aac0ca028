import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { planDemo } from "../../src/demo/demo-plan.ts";
import { freePort } from "../../src/demo/free-port.ts";
import { proxyConfigYaml } from "../../src/demo/proxy-config.ts";
import { servicesYaml } from "../../src/demo/services-file.ts";
import { writeWhole } from "../../src/demo/write-whole.ts";

describe("planDemo", () => {
  it("uses the time there is, no more, and gives most to the healthy part", () => {
    for (const availableMs of [5000, 18_000, 120_000]) {
      const { warmUpMs, settleMs, partsMs, noticeMs } = planDemo(availableMs);
      const sum = warmUpMs + 3 * settleMs + partsMs.reduce((total, part) => total + part);
      assert.ok(Math.abs(sum - availableMs) < 1, `${sum} of ${availableMs}`);
      assert.equal(Math.max(...partsMs), partsMs[0]);
      assert.ok(noticeMs < partsMs[2] / 2);
    }
  });

  it("shows every part even if the start took all the time", () => {
    const { partsMs } = planDemo(-3000);
    assert.ok(partsMs[0] >= 1000);
    for (const part of partsMs) assert.ok(part > 0);
  });

  it("never ends by itself without a duration", () => {
    assert.equal(planDemo(undefined).partsMs[3], Number.POSITIVE_INFINITY);
  });
});

describe("freePort", () => {
  it("is the port wanted, or another one if that is taken", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    assert.notEqual(await freePort(port), port);
    await new Promise((resolve) => server.close(resolve));
    assert.equal(await freePort(port), port);
  });
});

describe("the demo's files", () => {
  it("give the proxy a control plane, no zone of its own, and no service", () => {
    assert.deepEqual(parse(proxyConfigYaml({ port: 15_001, adminPort: 15_000, xdsPort: 18_000 })), {
      node: { id: "demo" },
      admin: { address: "127.0.0.1:15000" },
      listeners: [{ name: "local", address: "127.0.0.1:15001" }],
      controlPlane: { addresses: ["127.0.0.1:18000"], insecure: true },
    });
  });

  it("tell the control plane of the backends, and are replaced whole", () => {
    const folder = mkdtempSync(join(tmpdir(), "isobar-demo-test-"));
    const file = join(folder, "services.yaml");
    try {
      for (const port of [9001, 9002]) {
        writeWhole(file, servicesYaml([{ port, zone: "zone-a" }]));
        assert.deepEqual(parse(readFileSync(file, "utf8")), {
          clusters: [
            {
              name: "echo.default.svc.cluster.local:50051",
              loadBalancer: { policy: "least_request" },
              endpoints: [{ address: `127.0.0.1:${port}`, zone: "zone-a" }],
            },
          ],
        });
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
