import { readFileSync, writeFileSync } from "node:fs";
import { configDocs } from "../src/config/config-docs.ts";

// Writes docs/configuration.md from the schema; with --check it only says whether the page is up to date.
const page = new URL("../docs/configuration.md", import.meta.url);
const text = configDocs();
if (process.argv.includes("--check")) {
  if (readFileSync(page, "utf8") !== text) {
    console.error("docs/configuration.md is not up to date: run node scripts/gen-config-docs.ts");
    process.exitCode = 1;
  }
} else {
  writeFileSync(page, text);
}
