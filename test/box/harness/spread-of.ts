import type { Language } from "../../clients/harness/language.ts";
import type { BoxPod } from "./box-pod.ts";

const LIMIT_MS = 60_000;

/**
 * Makes 300 unary calls on one new channel of a client in a Pod.
 *
 * @returns how many each backend has answered, by its name. Rejects with what the client said when a call failed.
 */
export async function spreadOf(
  pod: BoxPod,
  language: Language,
  target: string,
  authority: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, number>>> {
  const program = { ...language.program, env: { ...language.program.env, ...env } };
  const child = pod.run(program, ["call", "--target", target, "--authority", authority, "--only", "spread"]);
  const { stdout, stderr } = await child.waitForEnd(LIMIT_MS);
  const line = stdout.split("\n").find((each) => each.startsWith("{")) ?? "{}";
  const { ok, detail, counts } = JSON.parse(line) as {
    ok?: boolean;
    detail?: string;
    counts?: Record<string, number>;
  };
  if (ok !== true || counts === undefined) throw new Error(`${language.name}: ${detail ?? ""} ${stderr}`);
  return counts;
}
