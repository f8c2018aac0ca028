// Known faults of what ships, as the registry tells: npm run -s audit. Ends with 1 when there is one, and says so where nobody answers.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What `npm audit --json` says: of faults, or that it could not ask. */
export interface AuditAnswer {
  readonly error?: { readonly summary?: string };
  readonly message?: string;
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>;
}

/** @returns what to say, and whether that is a failure. */
export function judgeAudit(answer: AuditAnswer): { readonly text: string; readonly failed: boolean } {
  if (answer.vulnerabilities === undefined) {
    const why = answer.message ?? answer.error?.summary ?? "no answer";
    return { text: `not checked, the registry does not answer: ${why}`, failed: false };
  }
  const found = Object.entries(answer.vulnerabilities);
  const lines = found.map(([name, { severity, range }]) => `  ${name} ${range}: ${severity}`);
  return found.length === 0
    ? { text: "no known fault in what ships", failed: false }
    : {
        text: `known faults in what ships (npm audit --omit=dev says more):\n${lines.join("\n")}`,
        failed: true,
      };
}

if (import.meta.main) {
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--omit=optional", "--json"], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    encoding: "utf8",
    timeout: 120_000,
  });
  const { text, failed } = judgeAudit(parse(stdout));
  console.log(`audit: ${text}`);
  process.exitCode = failed ? 1 : 0;
}

function parse(text: string): AuditAnswer {
  try {
    return JSON.parse(text) as AuditAnswer;
  } catch {
    return { message: text.trim().slice(0, 200) || "no answer" };
  }
}
