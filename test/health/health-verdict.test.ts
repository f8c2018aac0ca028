import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { HealthVerdict } from "../../src/health/health-verdict.ts";

it("changes only after as many answers in a row as the threshold says, and starts healthy", () => {
  const counts = fc.integer({ min: 1, max: 5 });
  fc.assert(
    fc.property(fc.array(fc.boolean()), counts, counts, (answers, unhealthy, healthy) => {
      const verdict = new HealthVerdict();
      let expected = true;
      let against = 0;
      for (const answer of answers) {
        against = answer === expected ? 0 : against + 1;
        const changes: boolean = against === (expected ? unhealthy : healthy);
        if (changes) {
          expected = !expected;
          against = 0;
        }
        assert.equal(verdict.record(answer, { unhealthy, healthy }), changes);
        assert.equal(verdict.isHealthy, expected);
      }
    }),
  );
});
