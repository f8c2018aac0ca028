import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import type { ScaleFigures } from "../../../bench/xds/scale-report.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { missingKubelab } from "../harness/build-kubelab.ts";

const LIMIT_MS = 120_000;
const missing = missingKubelab() ?? missingOpenssl();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;

function missingOpenssl(): string | undefined {
  const { error } = spawnSync("openssl", ["version"]);
  return error === undefined ? undefined : `openssl is needed for a certificate: ${error.message}`;
}

describe("the control plane in a cluster whose EndpointSlices change", { skip, timeout: LIMIT_MS }, () => {
  it("brings every change to every stream over TLS, and to a proxy", async () => {
    const folder = mkdtempSync(join(tmpdir(), "isobar-large-cluster-"));
    const json = join(folder, "figures.json");
    const sizes = ["--services", "40", "--endpoints", "10", "--streams", "20", "--per-stream", "8"];
    const changes = ["--rate", "20", "--probe-rate", "3", "--seconds", "3", "--no-build", "--legs"];
    try {
      const args = [join(REPOSITORY, "bench/xds/scale.ts"), ...sizes, ...changes, "--json", json];
      await promisify(execFile)(process.execPath, args);
      const { figures } = JSON.parse(readFileSync(json, "utf8")) as { readonly figures: ScaleFigures };
      const { services, endpoints, streams, written, receivedMs, usedMs } = figures;
      assert.deepEqual([services, endpoints, streams], [40, 400, 20]);
      assert.deepEqual([figures.stale, figures.lastFailure], [0, ""]);
      assert.ok(written > 20, `${written} changes were written`);
      assert.ok(receivedMs.count > 0 && receivedMs.p50 > 0 && receivedMs.p99 >= receivedMs.p50);
      assert.ok(usedMs.count > 3 && usedMs.p50 > 0, `the proxy used ${usedMs.count} changes`);
      const [answered, ...way] = figures.legs.slice(0, 7);
      assert.ok(answered!.spread.count > 3, `the way of ${answered!.spread.count} changes was seen`);
      for (const { name, spread } of way)
        assert.ok(spread.count === answered!.spread.count && spread.p50 >= 0, `${name}: ${spread.p50} ms`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
