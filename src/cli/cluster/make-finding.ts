import type { Finding } from "./finding.ts";

/** Looked at, and well. */
export function good(check: string, found: string): Finding {
  return { level: "good", check, where: [], found, toDo: "" };
}

/** It works, but not as well as it might, or not for long. @param where empty: everything. */
export function warning(check: string, where: readonly string[], found: string, toDo: string): Finding {
  return { level: "warning", check, where, found, toDo };
}

/** Something does not work. @param where empty: everything. */
export function bad(check: string, where: readonly string[], found: string, toDo: string): Finding {
  return { level: "bad", check, where, found, toDo };
}
