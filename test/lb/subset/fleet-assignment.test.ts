import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../src/base/random.ts";
import { FleetAssignment } from "../../../src/lb/subset/fleet-assignment.ts";

/** @returns by endpoint what it gets, relative to the mean, and by proxy how many endpoints it has. */
function shareOut(seed: number, size: { members: number; endpoints: number; least: number }) {
  const random = new SeededRandom(seed);
  const numbers = (length: number) => Uint32Array.from({ length }, () => random.nextInt(2 ** 31));
  const assignment = new FleetAssignment({
    members: numbers(size.members),
    endpoints: numbers(size.endpoints),
    weights: new Float64Array(size.endpoints).fill(1),
    minEndpoints: size.least,
    coverage: 1,
  });
  const loads = new Float64Array(size.endpoints);
  const counts = new Int32Array(size.members);
  for (let member = 0; member < size.members; member++) {
    assignment.each(member, (endpoint, part) => {
      loads[endpoint]! += (part * size.endpoints) / size.members;
      counts[member]!++;
    });
  }
  return { loads, counts };
}

describe("the assignment of a fleet", () => {
  it("loads no endpoint far beyond the others where proxies may have a single one: then they get more", () => {
    for (let seed = 1; seed <= 20; seed++) {
      for (const members of [3, 20]) {
        const { loads } = shareOut(seed, { members, endpoints: 20, least: 1 });
        assert.ok(
          Math.max(...loads) <= 1.5 + 1e-9,
          `${members} proxies, seed ${seed}: ${Math.max(...loads)}`,
        );
      }
    }
  });

  it("leaves a proxy with as few endpoints as it asks for where these suffice", () => {
    const { loads, counts } = shareOut(1, { members: 100, endpoints: 100, least: 10 });
    assert.ok(Math.max(...loads) <= 1.05);
    assert.ok(Math.min(...counts) >= 10 && Math.max(...counts) < 20, String(counts));
  });
});
