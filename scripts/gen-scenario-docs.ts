import { readFileSync, writeFileSync } from "node:fs";
import { scenarioDocs } from "../src/config/scenario-docs.ts";

// Writes docs/scenario-keys.md from the schema; with --check it only says whether the page is up to date.
const page = new URL("../docs/scenario-keys.md", import.meta.url);
const text = scenarioDocs();
if (process.argv.includes("--check")) {
  if (readFileSync(page, "utf8") !== text) {
    console.error("docs/scenario-keys.md is not up to date: run node scripts/gen-scenario-docs.ts");
    process.exitCode = 1;
  }
} else {
  writeFileSync(page, text);
}
