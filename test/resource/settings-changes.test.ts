import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { CLUSTER_SETTINGS_DEFAULTS, clusterSettings } from "../../src/resource/cluster-settings.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { OUTLIER_DETECTION_DEFAULTS } from "../../src/resource/outlier-detection.ts";
import { settingsChanges, settingsOf } from "../../src/resource/settings-changes.ts";
import { SNAPSHOT_FORMAT_VERSION } from "../../src/resource/snapshot-layout.ts";

test("the defaults are nothing, and come back", () => {
  assert.equal(settingsChanges(CLUSTER_SETTINGS_DEFAULTS), "{}");
  // What came another way has equal parts, and not the same ones.
  assert.equal(settingsChanges(structuredClone(CLUSTER_SETTINGS_DEFAULTS)), "{}");
  assert.deepEqual(settingsOf("{}"), CLUSTER_SETTINGS_DEFAULTS);
});

test("what differs comes back, on both levels, and what is off where the default is on", () => {
  for (const changes of [
    { timeouts: { requestMs: 5, idleMs: 0 } },
    { outlierDetection: OUTLIER_DETECTION_DEFAULTS },
    { loadBalancing: { policy: "maglev" as const } },
    { loadBalancing: { locality: { ...LOAD_BALANCING_DEFAULTS.locality, panicThreshold: 0 } } },
    { circuit: { maxRequestsPerEndpoint: 0, maxRequests: 7, maxRequestsPerConnection: 0 } },
  ]) {
    const settings = clusterSettings(changes);
    const text = settingsChanges(settings);
    assert.deepEqual(settingsOf(text), settings);
    assert.ok(text.length < 400, text);
  }
});

test("a snapshot that is read by another version says the same: with other defaults its format version is another one", () => {
  const hash = createHash("sha256").update(JSON.stringify(CLUSTER_SETTINGS_DEFAULTS)).digest("hex");
  assert.deepEqual(
    { version: SNAPSHOT_FORMAT_VERSION, defaults: hash.slice(0, 16) },
    { version: 5, defaults: "9b481a96edd6e25a" },
    "defaults have changed: raise SNAPSHOT_FORMAT_VERSION, and put both down here",
  );
});
