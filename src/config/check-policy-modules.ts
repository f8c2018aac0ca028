import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { judgePolicy } from "../lb/conformance/judge-policy.ts";
import { policyOf } from "../lb/module/policy-module.ts";
import { LOAD_BALANCING_DEFAULTS } from "../resource/load-balancing.ts";
import type { Config } from "./config.ts";
import { describeFound } from "./config-problem.ts";
import type { CrossFinding } from "./cross-finding.ts";
import { policyVersion } from "./policy-version.ts";
import { systemErrorText } from "./system-error-text.ts";

const PREFIX = "module:";

/** What is known of the policies that a configuration has as files. */
export interface JudgedPolicies {
  /** By policy as the file names it: what workers load, with the hash of the content, so that an edit is another module. */
  readonly urls: ReadonlyMap<string, string>;
  /** By policy as the file names it: what is wrong with it. */
  readonly problems: ReadonlyMap<string, string>;
}

/**
 * Loads the policies that a configuration names and judges each by what every policy must do. It runs their code: that is for the
 * process that reads a file and ends, and for `isobar validate`.
 *
 * @param file the configuration's; paths are relative to it.
 */
export async function judgePolicyModules({ clusters }: Config, file: string): Promise<JudgedPolicies> {
  const urls = new Map<string, string>();
  const problems = new Map<string, string>();
  for (const { loadBalancer } of clusters) {
    const { policy } = loadBalancer;
    if (!policy.startsWith(PREFIX) || urls.has(policy) || problems.has(policy)) continue;
    const path = resolve(dirname(file), policy.slice(PREFIX.length));
    try {
      const content = await readFile(path);
      const url = `${pathToFileURL(path).href}?v=${policyVersion(content)}`;
      const problem = await judge(url);
      if (problem === undefined) urls.set(policy, PREFIX + url);
      else problems.set(policy, problem);
    } catch (error) {
      problems.set(policy, systemErrorText(error));
    }
  }
  return { urls, problems };
}

async function judge(url: string): Promise<string | undefined> {
  let module: { readonly createPicker?: unknown };
  try {
    module = (await import(url)) as { readonly createPicker?: unknown };
  } catch (error) {
    return `it cannot be loaded: ${String(error)}`;
  }
  const make = policyOf(module);
  if (typeof make === "string") return make;
  const wrong = judgePolicy(
    (candidates) => ({ candidates, pick: bound(make(candidates, LOAD_BALANCING_DEFAULTS)) }),
    () => performance.now() * 1_000,
  );
  return wrong.length === 0 ? undefined : wrong.join("; ");
}

function bound<Picker extends { readonly pick: (...args: never[]) => number }>(own: Picker): Picker["pick"] {
  return own.pick.bind(own) as Picker["pick"];
}

/** @returns a finding for each cluster whose policy is no good. */
export function policyFindings({ clusters }: Config, { problems }: JudgedPolicies): CrossFinding[] {
  return clusters.flatMap(({ loadBalancer }, index) => {
    const problem = problems.get(loadBalancer.policy);
    if (problem === undefined) return [];
    return [
      {
        path: ["clusters", index, "loadBalancer", "policy"],
        found: `${describeFound(loadBalancer.policy)}: ${problem}`,
        wanted: "a policy that passes what is asked of every policy",
        advice: "docs/policies.md says what that is",
      },
    ];
  });
}

/** @returns the configuration with its policies named as workers load them. */
export function withPolicyUrls(config: Config, { urls }: JudgedPolicies): Config {
  const clusters = config.clusters.map((cluster) => {
    const policy = urls.get(cluster.loadBalancer.policy);
    return policy === undefined ? cluster : { ...cluster, loadBalancer: { ...cluster.loadBalancer, policy } };
  });
  return { ...config, clusters };
}
