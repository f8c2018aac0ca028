import assert from "node:assert/strict";
import { Child } from "./child.ts";
import type { Language } from "./language.ts";

/** Every check that each client knows, in the order it runs them. */
export const CHECKS: readonly string[] = [
  "unary-0",
  "unary-100",
  "unary-70k",
  "unary-1m",
  "metadata",
  "error-trailers-only",
  "error-after-messages",
  "error-codes",
  "server-stream-small",
  "server-stream-large",
  "client-stream-15mb",
  "bidi-ping-pong",
  "deadline",
  "cancel",
  "spread",
];

/** How often the check "spread" calls. */
export const SPREAD_CALLS = 300;

const CLIENT_LIMIT_MS = 180_000;

type CheckResult = { check: string; ok: boolean; detail: string; counts?: Record<string, number> };

/** Calls served per backend, as the client counted them. */
export type Spread = Readonly<Record<string, number>>;

/** Runs a client, asserts that each of its checks passed, and returns how its last 300 calls were spread. */
export async function runChecks(
  language: Language,
  target: string,
  authority: string,
  only: readonly string[] = CHECKS,
): Promise<Spread> {
  const args = ["call", "--target", target, "--authority", authority, "--only", only.join(",")];
  const { code, stdout, stderr } = await new Child(language.program, args).waitForEnd(CLIENT_LIMIT_MS);
  const results = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as CheckResult);
  const failed = results.filter(({ ok }) => !ok).map(({ check, detail }) => `${check}: ${detail}`);
  assert.deepEqual(failed, []);
  assert.deepEqual(
    results.map(({ check }) => check),
    only,
    `the client ended with code ${code}: ${stderr}`,
  );
  assert.equal(code, 0, stderr);
  return results.at(-1)?.counts ?? {};
}

/** Asserts that all the calls were served by these backends, none by more than its share times `limit`. */
export function assertSpread(spread: Spread, backends: readonly string[], limit: number): void {
  const text = JSON.stringify(spread);
  assert.deepEqual(Object.keys(spread).sort(), [...backends].sort(), `unexpected backends: ${text}`);
  const counts = Object.values(spread);
  const sum = counts.reduce((total, count) => total + count, 0);
  assert.equal(sum, SPREAD_CALLS, text);
  assert.ok(Math.max(...counts) <= (limit * sum) / backends.length, `max/mean is above ${limit}: ${text}`);
}
