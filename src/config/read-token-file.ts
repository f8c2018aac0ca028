import { readFileSync } from "node:fs";
import { systemErrorText } from "./system-error-text.ts";

/** Tokens of Kubernetes are about 1,000 characters. */
const MAX_OCTETS = 65_536;
const VISIBLE = /^[!-~]+$/;

/** @returns the token in the file, or what is wrong with it; nothing of the token stands in that. */
export function readTokenFile(
  path: string,
): { readonly token: string; readonly problem?: undefined } | { readonly problem: string } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    return { problem: systemErrorText(error) };
  }
  if (text.length > MAX_OCTETS) return { problem: `${text.length} octets, wanted at most ${MAX_OCTETS}` };
  const token = text.trim();
  if (token === "") return { problem: "nothing in it" };
  return VISIBLE.test(token) ? { token } : { problem: "characters that no token has" };
}
