import type { Finding } from "./finding.ts";

/** The first that rejects in prerouting (docs/capture.md). */
const LEAST = [5, 9] as const;

/** @returns whether a kernel, such as `6.8.0-45-generic`, is new enough for capture. @param where nodes that have it. */
export function kernelFinding(release: string, where: readonly string[]): Finding {
  const isNew = isNewEnough(release);
  return {
    level: isNew ? "good" : "bad",
    check: "kernel",
    where,
    found: isNew ? release : `${release}, wanted ${LEAST.join(".")} or newer`,
    toDo: isNew ? "" : "use the modes address (by status.hostIP) or proxy-env there, or a newer kernel",
  };
}

/** @returns whether capture works with it. */
export function isNewEnough(release: string): boolean {
  const [, major = "0", minor = "0"] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(major) > LEAST[0] || (Number(major) === LEAST[0] && Number(minor) >= LEAST[1]);
}
