import type { Config } from "./config.ts";
import type { CrossFinding } from "./cross-finding.ts";

/** Checks that there is some way in, and that who calls is only said where it is of use. */
export function checkCapture({ capture, listeners, callers }: Config): CrossFinding[] {
  const findings: CrossFinding[] = [];
  if (capture === undefined && listeners.length === 0) {
    findings.push({
      path: ["listeners"],
      found: "[]",
      wanted: "a list of at least one listener",
      advice: "add one, or capture",
    });
  }
  if (capture === undefined && callers !== undefined) {
    findings.push({
      path: ["callers"],
      found: "callers without capture",
      wanted: "capture",
      advice: "pods are told apart where their connections are captured: add capture, or remove callers",
    });
  }
  return findings;
}
