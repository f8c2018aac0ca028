import type { CandidateSet } from "../lb/candidate-set.ts";
import type { PolicyModules } from "../lb/create-picker.ts";
import { LeastRequestPicker } from "../lb/least-request-picker.ts";
import { GuardedPicker } from "../lb/module/guarded-picker.ts";
import type { PolicyModule } from "../lb/module/policy-module.ts";
import { policyOf } from "../lb/module/policy-module.ts";
import type { PolicyDropReason } from "../lb/module/policy-watch.ts";
import { PolicyWatch } from "../lb/module/policy-watch.ts";
import type { Picker } from "../lb/picker.ts";
import type { LoadBalancing } from "../resource/load-balancing.ts";

/** What {@link OwnPolicies} tells. */
export interface OwnPoliciesOptions {
  /** Clusters of that policy need other pickers now. */
  readonly onChanged: (policy: string) => void;
  /** Once per policy, when it serves no more. */
  readonly onDropped: (policy: string, reason: PolicyDropReason, detail: string) => void;
}

interface OwnPolicy {
  make: PolicyModule | undefined;
  readonly watch: PolicyWatch;
}

const VERSION = /\?v=([0-9a-f]{16})$/;

/**
 * Loads the module that was judged, and no other: a worker that takes the place of a dead one may find that the file has been edited since.
 *
 * @throws Error when the file has another content.
 */
async function importJudged(url: string): Promise<{ readonly createPicker?: unknown }> {
  const [, version] = VERSION.exec(url) ?? [];
  if (version !== undefined) {
    const [{ readFile }, { policyVersion }] = await Promise.all([
      import("node:fs/promises"),
      import("../config/policy-version.ts"),
    ]);
    if (policyVersion(await readFile(new URL(url))) !== version)
      throw new Error("its file has changed since it was judged: reload the configuration");
  }
  return import(url);
}

/**
 * The policies that are a team's own files, in one worker. A module is loaded when the first cluster asks for it; until then, and when it has
 * been dropped, `least_request` serves. A file that has changed is another policy (its name ends with the hash of what is in it), so
 * an edit is a new chance; the old code stays in memory until the process ends.
 */
export class OwnPolicies implements PolicyModules {
  readonly #options: OwnPoliciesOptions;
  readonly #policies = new Map<string, OwnPolicy>();

  constructor(options: OwnPoliciesOptions) {
    this.#options = options;
  }

  create(settings: LoadBalancing, candidates: CandidateSet): Picker | undefined {
    const { policy } = settings;
    const known = this.#policies.get(policy) ?? this.#load(policy);
    const { make, watch } = known;
    if (make === undefined || watch.dropped !== undefined) return undefined;
    try {
      const spare = new LeastRequestPicker(candidates, settings);
      return new GuardedPicker(candidates, make(candidates, settings), spare, watch);
    } catch (error) {
      watch.drop("throws", String(error));
      return undefined;
    }
  }

  #load(policy: string): OwnPolicy {
    const { onChanged, onDropped } = this.#options;
    const watch = new PolicyWatch(
      () => performance.now() * 1_000,
      (reason, detail) => onDropped(policy, reason, detail),
    );
    const own: OwnPolicy = { make: undefined, watch };
    this.#policies.set(policy, own);
    importJudged(policy.slice("module:".length)).then(
      (module: { readonly createPicker?: unknown }) => {
        const found = policyOf(module);
        if (typeof found === "string") return watch.drop("load", found);
        own.make = found;
        onChanged(policy);
      },
      (error: unknown) => watch.drop("load", String(error)),
    );
    return own;
  }
}
