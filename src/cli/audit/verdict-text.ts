import type { AuditVerdict } from "../../audit/verify-audit.ts";

/** @returns what came of verifying, for people. */
export function verdictText(verdict: AuditVerdict): string {
  const { files, records, first, last, findings, furtherFindings, heads } = verdict;
  const range =
    first === undefined || last === undefined
      ? ""
      : `, record ${first.n} of ${first.at} to record ${last.n} of ${last.at}\nnewest hash: ${last.hash}`;
  const broken = findings.filter(({ severity }) => severity === "broken").length + furtherFindings;
  const lines = [
    ...findings.map(
      ({ severity, place, text }) => `${severity === "broken" ? "BROKEN" : "notice"} ${place}: ${text}`,
    ),
    ...(furtherFindings > 0 ? [`and ${furtherFindings} more`] : []),
    ...heads.filter(({ n }) => n !== undefined).map(({ hash, n }) => `head ${hash} is record ${n}`),
    `${files} files, ${records} records${range}`,
    broken === 0
      ? "nothing was changed, taken out, added or moved"
      : `${broken} places are not as they were written`,
  ];
  return `${lines.join("\n")}\n`;
}
