import { objectKey } from "../kube/kube-object.ts";
import type { NewCondition } from "../kube/objects/condition.ts";
import type { TrafficPolicyObject } from "../kube/objects/traffic-policy-object.ts";
import { compilePolicySpec } from "./compile-policy-spec.ts";
import type { Problem } from "./problem.ts";
import { problemsText } from "./problem.ts";
import type { ServiceOverrides } from "./service-overrides.ts";

/** A TrafficPolicy and what became of it. */
interface KnownPolicy {
  readonly object: TrafficPolicyObject;
  /** Of the last version that was good; undefined when none was. */
  readonly overrides: ServiceOverrides | undefined;
  /** What is wrong with the current version. */
  readonly problems: readonly Problem[];
}

/** All TrafficPolicies, and which of them counts for a Service: the oldest one that is good. */
export class PolicyBook {
  readonly #policies = new Map<string, KnownPolicy>();
  readonly #byService = new Map<string, Set<string>>();

  /**
   * Takes up a policy as it is now.
   *
   * @param object undefined: it is gone.
   * @returns Services, `namespace/name`, that may have to be looked at anew.
   */
  change(key: string, object: TrafficPolicyObject | undefined): string[] {
    const previous = this.#policies.get(key);
    const before = previous === undefined ? [] : targetsOf(previous.object);
    for (const service of before) this.#byService.get(service)?.delete(key);
    this.#policies.delete(key);
    if (object === undefined) return before;
    const { overrides, problems = [] } = compilePolicySpec(object.spec);
    const lastGood = previous?.object.uid === object.uid ? previous.overrides : undefined;
    this.#policies.set(key, { object, overrides: overrides ?? lastGood, problems });
    const now = targetsOf(object);
    for (const service of now) {
      const policies = this.#byService.get(service);
      if (policies === undefined) this.#byService.set(service, new Set([key]));
      else policies.add(key);
    }
    return [...new Set([...before, ...now])];
  }

  /** @returns keys of all policies that name the Service. */
  naming(service: string): Iterable<string> {
    return this.#byService.get(service) ?? [];
  }

  /** @returns what the policy says that counts for the Service; undefined when there is none. */
  overridesFor(service: string): ServiceOverrides | undefined {
    return this.#winner(service)?.overrides;
  }

  /**
   * @param exists whether there is a Service of the name, `namespace/name`.
   * @returns what is to be said of the policy in its status, and what is wrong with it; undefined when it is gone.
   */
  judge(
    key: string,
    exists: (service: string) => boolean,
  ):
    | {
        readonly object: TrafficPolicyObject;
        readonly condition: NewCondition;
        readonly problems: readonly Problem[];
      }
    | undefined {
    const policy = this.#policies.get(key);
    if (policy === undefined) return undefined;
    const { object, problems } = policy;
    const condition = (isAccepted: boolean, reason: string, message: string) => ({
      object,
      problems,
      condition: {
        type: "Accepted",
        status: isAccepted ? ("True" as const) : ("False" as const),
        reason,
        message,
        observedGeneration: object.generation,
      },
    });
    if (problems.length > 0) {
      const kept =
        policy.overrides === undefined ? "nothing of it is in force" : "its last good version stays in force";
      return condition(false, "Invalid", `${problemsText(problems.map(inSpec))}; ${kept}`);
    }
    const targets = targetsOf(object);
    const missing = targets.filter((service) => !exists(service));
    const lost = targets.filter((service) => this.#winner(service) !== policy);
    const notes = [
      ...missing.map((service) => `there is no Service ${service}`),
      ...lost.map(
        (service) => `Service ${service} has the older policy ${this.#winner(service)?.object.name}`,
      ),
    ].join("; ");
    if (missing.length === targets.length) return condition(false, "TargetNotFound", notes);
    if (lost.length === targets.length) return condition(false, "Conflicted", notes);
    return condition(true, "Accepted", notes === "" ? "in force for all its Services" : notes);
  }

  #winner(service: string): KnownPolicy | undefined {
    let winner: KnownPolicy | undefined;
    for (const key of this.naming(service)) {
      const policy = this.#policies.get(key)!;
      if (policy.overrides === undefined) continue;
      if (winner === undefined || isOlder(policy.object, winner.object)) winner = policy;
    }
    return winner;
  }
}

function targetsOf({ namespace, services }: TrafficPolicyObject): string[] {
  return [...new Set(services)].map((name) => objectKey({ namespace, name }));
}

function isOlder(a: TrafficPolicyObject, b: TrafficPolicyObject): boolean {
  return a.createdAt === b.createdAt ? a.name < b.name : a.createdAt < b.createdAt;
}

/** @returns the problem with its field as it stands in the object. */
export function inSpec({ field, text }: Problem): Problem {
  return { field: field === "" ? "spec" : `spec.${field}`, text };
}
