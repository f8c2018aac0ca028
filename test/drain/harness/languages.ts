import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { build, FetchError } from "../../clients/harness/build.ts";
import type { Language } from "../../clients/harness/language.ts";

const { CI = "" } = process.env;

/** Builds what a test needs. @returns false when the machine lacks something: the test is skipped, or fails in CI. */
export async function haveBuilt(languages: readonly Language[], context: TestContext): Promise<boolean> {
  for (const language of languages) {
    const found = language.findToolchain();
    if ("missing" in found) {
      assert.equal(CI, "", `CI requires every toolchain: ${found.missing}`);
      context.skip(`${language.name}: ${found.missing}`);
      return false;
    }
    try {
      await build(language, found.versions);
    } catch (error) {
      if (CI !== "" || !(error instanceof FetchError)) throw error;
      context.skip(`${language.name}: its packages could not be fetched: ${error.message}`);
      return false;
    }
  }
  return true;
}
