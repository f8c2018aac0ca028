/** One level: how many of its endpoints are healthy. */
export interface LevelHealth {
  readonly healthy: number;
  /** At least 1. */
  readonly total: number;
}

/** What becomes of the levels. */
export interface PriorityLoad {
  /** Share by level, together 1; all 0 when nothing is healthy and health is never ignored. */
  readonly loads: Float64Array;
  /** By level: whether health is ignored in it. */
  readonly panic: readonly boolean[];
}

/**
 * Shares load out among levels by their health, the first ones first. A level keeps all it gets while its healthy share times
 * the overprovisioning factor is at least 1; what it cannot keep goes to the next. When all levels together cannot take it, each is
 * loaded beyond its health in proportion, and a level whose healthy share is below the panic threshold ignores health; when all do, load goes
 * by the number of endpoints.
 *
 * Source: Envoy, "Priority levels" and "Panic threshold"; there in whole percent, here in fractions.
 *
 * @param panicThreshold 0 to 1; 0 never ignores health.
 */
export function priorityLoad(
  levels: readonly LevelHealth[],
  overprovisioningFactor: number,
  panicThreshold: number,
): PriorityLoad {
  const health = levels.map(({ healthy, total }) => Math.min(1, (overprovisioningFactor * healthy) / total));
  const totalHealth = Math.min(
    1,
    health.reduce((sum, one) => sum + one, 0),
  );
  const isShort = totalHealth < 1 - 1e-9;
  const panic = levels.map(({ healthy, total }) => isShort && healthy / total < panicThreshold);
  const loads = new Float64Array(levels.length);
  if (levels.length > 0 && panic.every((one) => one)) {
    const endpoints = levels.reduce((sum, { total }) => sum + total, 0);
    levels.forEach(({ total }, i) => {
      loads[i] = total / endpoints;
    });
    return { loads, panic };
  }
  let left = totalHealth > 0 ? 1 : 0;
  health.forEach((one, i) => {
    loads[i] = Math.min(left, one / totalHealth || 0);
    left -= loads[i]!;
  });
  // Rounding may have left almost nothing.
  const first = health.findIndex((one) => one > 0);
  if (first >= 0) loads[first]! += left;
  return { loads, panic };
}
