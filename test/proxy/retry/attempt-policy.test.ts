import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ResetCause } from "../../../src/h2/connection-sink.ts";
import { ErrorCode } from "../../../src/h2/error-code.ts";
import { AttemptPolicy, LossBit } from "../../../src/proxy/retry/attempt-policy.ts";
import { lossOf } from "../../../src/proxy/retry/loss-of.ts";
import { CLUSTER_SETTINGS_DEFAULTS } from "../../../src/resource/cluster-settings.ts";
import type { RetryOn } from "../../../src/resource/retry-policy.ts";
import { retriesOf } from "./retry-settings.ts";

function policyOn(...retryOn: RetryOn[]): AttemptPolicy {
  return AttemptPolicy.of({ ...CLUSTER_SETTINGS_DEFAULTS, retries: retriesOf({ retryOn }) })!;
}

describe("attempt policies", () => {
  it("do not exist where nothing is asked for", () => {
    assert.equal(AttemptPolicy.of(CLUSTER_SETTINGS_DEFAULTS), undefined);
    const retries = retriesOf({ attempts: 1 });
    assert.equal(AttemptPolicy.of({ ...CLUSTER_SETTINGS_DEFAULTS, retries }), undefined);
  });

  it("watch no attempts where there are only limits of whole requests", () => {
    const timeouts = { requestMs: 1000, idleMs: 0 };
    assert.equal(AttemptPolicy.of({ ...CLUSTER_SETTINGS_DEFAULTS, timeouts })?.supervises, false);
  });

  it("take a lost connection for UNAVAILABLE, and a reset for the status of its code", () => {
    const lost = lossOf(ErrorCode.cancel, ResetCause.connectionLost);
    assert.ok(lost & policyOn("unavailable").on);
    assert.ok(lost & policyOn("reset").on);
    assert.equal(lost & policyOn("internal", "cancelled", "refused-stream").on, 0);
    const calm = lossOf(ErrorCode.enhanceYourCalm, ResetCause.peer);
    assert.ok(calm & policyOn("resource-exhausted").on);
    assert.equal(calm & policyOn("unavailable").on, 0);
    const cancelled = lossOf(ErrorCode.cancel, ResetCause.peer);
    assert.ok(cancelled & policyOn("cancelled").on);
    assert.equal(cancelled & policyOn("internal").on, 0);
  });

  it("never send again what the proxy itself had no memory for", () => {
    const all = policyOn(
      "connect-failure",
      "refused-stream",
      "reset",
      "cancelled",
      "unavailable",
      "internal",
    );
    assert.equal(lossOf(ErrorCode.enhanceYourCalm, ResetCause.overBudget) & all.on, 0);
  });

  it("try again after a time limit per attempt without another word", () => {
    assert.ok(policyOn("unavailable").on & LossBit.perTryTimeout);
  });

  it("wait a random part of what doubles with each retry, up to the most", () => {
    const policy = AttemptPolicy.of({
      ...CLUSTER_SETTINGS_DEFAULTS,
      retries: retriesOf({ attempts: 10, backoffBaseMs: 25, backoffMaxMs: 250 }),
    })!;
    assert.deepEqual(
      [0, 1, 2, 3, 4, 8].map((retried) => policy.backoffMs(retried, 1)),
      [25, 50, 100, 200, 250, 250],
    );
    assert.equal(policy.backoffMs(3, 0.5), 100);
    assert.equal(policy.backoffMs(3, 0), 0);
  });
});
