import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { it } from "node:test";
import { errorsPage } from "../../scripts/gen-errors-docs.ts";
import { ROOT, readText, trackedFiles } from "./repository-files.ts";

const PAGES = trackedFiles(/\.md$/).filter((path) => readText(path) !== "");
const LINK = /\[[^\]\n]*\]\(([^)\s]+)\)/g;
/** What a README calls a script: `npm run NAME`, `npm NAME`. */
const NPM_CALL = /\bnpm (?:run (?:-s )?([a-z][a-z0-9:-]*)|(start|test)\b)/g;

/** @returns a page without its code, where brackets mean something else. */
function prose(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "code");
}

/** @returns the anchors GitHub makes of a page's headings. */
function anchorsOf(text: string): Set<string> {
  const headings = text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ +(.+)$/gm);
  return new Set(
    [...headings].map((match) =>
      match[1]!
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

it("every link of every page leads somewhere", () => {
  const broken: string[] = [];
  for (const page of PAGES) {
    const linked = prose(readText(page)).matchAll(LINK);
    for (const [, link = ""] of linked) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? page : posix.join(dirname(page), path);
      if (!existsSync(join(ROOT, target))) broken.push(`${page}: ${link}`);
      else if (anchor !== undefined && target.endsWith(".md") && !anchorsOf(readText(target)).has(anchor)) {
        broken.push(`${page}: ${link} (no such heading)`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

it("every page of docs can be reached from its index", () => {
  const indexes = ["docs/README.md", "docs/adr/README.md"];
  const reachable = new Set(
    indexes.flatMap((index) =>
      [...readText(index).matchAll(LINK)].map(([, link = ""]) =>
        posix.join(dirname(index), link.replace(/#.*/, "")),
      ),
    ),
  );
  const pages = PAGES.filter((path) => path.startsWith("docs/") && path !== "docs/README.md");
  assert.deepEqual(
    pages.filter((path) => !reachable.has(path)),
    [],
  );
});

it("every npm script that a page names exists", () => {
  const { scripts } = JSON.parse(readText("package.json")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const missing: string[] = [];
  for (const page of [...PAGES, ".ci/run"]) {
    for (const [, run, short] of readText(page).matchAll(NPM_CALL)) {
      const name = run ?? short ?? "";
      if (scripts[name] === undefined) missing.push(`${page}: ${name}`);
    }
  }
  assert.deepEqual(missing, []);
});

it("source files that pages name in ARCHITECTURE.md and the decisions exist", () => {
  const missing: string[] = [];
  const folders = [
    "",
    "src/",
    "src/proxy/",
    "src/h2/",
    "src/h2/hpack/",
    "src/discovery/",
    "src/daemon/",
    "src/config/",
  ];
  for (const page of PAGES.filter((path) => path === "ARCHITECTURE.md" || path.startsWith("docs/adr/"))) {
    const named = readText(page).matchAll(/`([a-z0-9/-]+\.(?:ts|mjs))`/g);
    for (const [, path = ""] of named) {
      if (path.includes("/x-picker")) continue;
      if (!folders.some((folder) => existsSync(join(ROOT, folder + path)))) missing.push(`${page}: ${path}`);
    }
  }
  assert.deepEqual(missing, []);
});

it("docs/errors.md is what the table of errors says", () => {
  assert.equal(readText("docs/errors.md"), errorsPage());
});

it("README.md is short enough to be read", () => {
  assert.ok(readText("README.md").split("\n").length <= 151);
});
