import { readFile } from "node:fs/promises";
import type { Config } from "../config/config.ts";
import type { CrossFinding } from "../config/cross-finding.ts";
import type { ParsedConfig } from "../config/parse-config.ts";
import { parseConfig } from "../config/parse-config.ts";
import { systemErrorText } from "../config/system-error-text.ts";

/** What a proxy's configuration must have and a control plane does not look at. */
const NOT_USED = { listeners: [{ name: "none", address: "127.0.0.1:0" }] };

/** What a proxy's configuration says of its own machine is read as if this were it. */
const ENV = { HOST_IP: "127.0.0.1" };

/**
 * Reads a file with the `clusters` and `routes` of a proxy's configuration; what else is in it is checked and not used.
 *
 * @returns the file's text, and what is in it or all that is wrong; nothing is thrown.
 */
export async function loadStaticFile(file: string): Promise<{ text: string; parsed: ParsedConfig }> {
  try {
    const text = await readFile(file, "utf8");
    return { text, parsed: parseConfig(text, { file, env: ENV, absent: NOT_USED, check: cannotBeServed }) };
  } catch (error) {
    const found = systemErrorText(error);
    const problem = { file, line: 0, column: 0, path: "", found, wanted: "a readable file", advice: "" };
    return { text: "", parsed: { problems: [problem] } };
  }
}

function cannotBeServed({ clusters }: Config): CrossFinding[] {
  return clusters.flatMap(({ tls, loadBalancer }, i): CrossFinding[] => {
    const findings: CrossFinding[] = [];
    if (tls !== undefined) {
      findings.push({
        path: ["clusters", i, "tls"],
        found: "tls",
        wanted: "a cluster in clear text",
        advice:
          "certificates are not handed out over xDS; keep this cluster in the proxies' own configuration",
      });
    }
    if (loadBalancer.policy.startsWith("module:")) {
      findings.push({
        path: ["clusters", i, "loadBalancer", "policy"],
        found: loadBalancer.policy,
        wanted: "a policy that comes with the product",
        advice: "modules are files of the proxies; keep this cluster in the proxies' own configuration",
      });
    }
    return findings;
  });
}
