import type { Random } from "../base/random.ts";

/** How long a request keeps a server of an endpoint of speed 1 busy. */
export type ServiceModel =
  /** Memoryless, the classic of queueing. */
  | { readonly kind: "exponential"; readonly meanMs: number }
  | { readonly kind: "fixed"; readonly meanMs: number }
  /** Skewed to the right as measured latencies are; `sigma` is that of the logarithm. */
  | { readonly kind: "lognormal"; readonly meanMs: number; readonly sigma: number }
  /** Two sorts of requests: a share `slowShare` takes `slowFactor` times as long as the others, each exponential. */
  | {
      readonly kind: "hyperexponential";
      readonly meanMs: number;
      readonly slowShare: number;
      readonly slowFactor: number;
    };

/** @returns ms of service for one request, greater than 0. */
export function drawService(model: ServiceModel, random: Random): number {
  switch (model.kind) {
    case "fixed":
      return model.meanMs;
    case "exponential":
      return model.meanMs * drawExponential(random);
    case "lognormal": {
      // Box and Muller's normal deviate; the shift keeps the mean where it is asked for.
      const normal = Math.sqrt(2 * drawExponential(random)) * Math.cos(2 * Math.PI * random.nextFloat());
      return model.meanMs * Math.exp(model.sigma * normal - (model.sigma * model.sigma) / 2);
    }
    case "hyperexponential": {
      const fastMs = model.meanMs / (1 + model.slowShare * (model.slowFactor - 1));
      const meanMs = random.nextFloat() < model.slowShare ? fastMs * model.slowFactor : fastMs;
      return meanMs * drawExponential(random);
    }
  }
}

/** @returns a draw of the exponential distribution with mean 1, greater than 0. */
export function drawExponential(random: Random): number {
  return -Math.log(1 - random.nextFloat()) || Number.MIN_VALUE;
}
