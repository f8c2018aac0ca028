import type { AuditDifference } from "../../audit/diff-audit.ts";
import { changeText, diffLines } from "./change-text.ts";

/** @returns how services differ between two times, for people. */
export function differenceText({ from, to, notes, services, changes }: AuditDifference): string {
  const parts = [`from ${from} to ${to}\n${notes.map((note) => `note: ${note}\n`).join("")}`];
  for (const { name, kind, diff } of services) {
    const lines = diff === undefined ? [] : diffLines(diff).map((line) => `  ${line}\n`);
    parts.push(`${name}: ${kind === "same" ? "no difference" : kind}\n${lines.join("")}`);
  }
  if (services.length === 0) parts.push("no difference\n");
  if (changes.length > 0)
    parts.push(
      `what led there:\n${changes.map((change) => changeText({ ...change, diff: undefined })).join("")}`,
    );
  return parts.join("\n");
}
