import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { it } from "node:test";
import { checkLayers } from "../../scripts/check-layers.ts";
import { LAYERS } from "../../scripts/layers.ts";
import { codeOnly, importsOf } from "../../scripts/source-text.ts";
import { ROOT, readText } from "./repository-files.ts";

/** Checks a tree of the given files. */
function checkTree(files: Readonly<Record<string, string>>): string[] {
  const root = mkdtempSync(join(tmpdir(), "isobar-layers-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return checkLayers(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

it("the tree keeps the order of folders, and every rule about files", () => {
  assert.deepEqual(checkLayers(ROOT), []);
});

it("ARCHITECTURE.md shows the table of folders as the check has it", () => {
  const rows = LAYERS.map(({ folder, knows, pure }) => `| \`${folder}\` | ${knows} | ${pure ? "yes" : ""} |`);
  assert.ok(
    readText("ARCHITECTURE.md").includes(rows.join("\n")),
    `ARCHITECTURE.md should contain\n${rows.join("\n")}`,
  );
});

it("an import of a folder further down the table is found, of types too", () => {
  const problems = checkTree({
    "src/h2/frame.ts": 'import { a } from "../base/a.ts";\nimport type { Proxy } from "../proxy/proxy.ts";\n',
    "src/base/a.ts": "export const a = 1;\n",
    "src/proxy/proxy.ts": "export type Proxy = number;\n",
  });
  assert.deepEqual(problems, ["src/h2/frame.ts:2: h2 imports src/proxy/proxy.ts, but h2 comes before proxy"]);
});

it("a folder that is not in the table is found", () => {
  assert.deepEqual(checkTree({ "src/stuff/thing.ts": "export {};\n" }), [
    "src/stuff/thing.ts:1: its folder is not in the table of scripts/layers.ts",
  ]);
});

it("an import cycle is found, through types and dynamic imports too", () => {
  const problems = checkTree({
    "src/net/a.ts": 'import type { B } from "./b.ts";\nexport type A = B;\n',
    "src/net/b.ts": 'export type B = number;\nexport const load = () => import("./c.ts");\n',
    "src/net/c.ts": 'export type { A } from "./a.ts";\n',
  });
  assert.deepEqual(problems, [
    "src/net/a.ts:1: import cycle: src/net/a.ts → src/net/b.ts → src/net/c.ts → src/net/a.ts",
  ]);
});

it("modules, clocks, chance and timers are found in pure folders", () => {
  const problems = checkTree({
    "src/lb/a.ts": [
      'import { connect } from "node:net";',
      "const now = Date.now();",
      "const at = new Date();",
      "const chance = Math.random();",
      "setImmediate(() => {});",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
      "const text = `took ${performance.now()} ms`;",
      "const { pid } = process;",
      "",
    ].join("\n"),
  });
  assert.deepEqual(
    problems.map((problem) => problem.replace("src/lb/a.ts:", "")),
    [
      '1: lb is pure, found "node:net"',
      "2: lb is pure, found Date.now",
      "3: lb is pure, found new Date",
      "4: lb is pure, found Math.random",
      "5: lb is pure, found setImmediate",
      "6: lb is pure, found performance",
      "7: lb is pure, found process",
    ],
  );
});

it("comments, strings and properties of pure code may use the same words", () => {
  const problems = checkTree({
    "src/route/a.ts": [
      "/** Slots of a process; never Date.now(). */",
      'export const text = "Math.random"; // setTimeout',
      "export const f = (record: { process: () => void }) => record.process();",
      "",
    ].join("\n"),
  });
  // The type of a property is the one false alarm the check keeps.
  assert.deepEqual(problems, ["src/route/a.ts:3: route is pure, found process"]);
});

it("only the clock of base may look at the time", () => {
  const clock = "export const now = () => performance.now();\n";
  assert.deepEqual(checkTree({ "src/base/clock.ts": clock }), []);
  assert.equal(checkTree({ "src/base/watch.ts": clock }).length, 1);
});

it("long files and names that say nothing are found, in tests too", () => {
  const problems = checkTree({
    "src/net/long.ts": "\n".repeat(401),
    "src/net/string-utils.ts": "\n",
    "test/net/helpers.ts": "\n",
    "bench/index.ts": "\n",
    "scripts/CamelCase.ts": "\n",
    "src/net/stream-index.ts": "\n",
  });
  assert.deepEqual(problems, [
    "bench/index.ts:1: the file's name says nothing about what is inside",
    "scripts/CamelCase.ts:1: the file's name is not in kebab-case",
    "src/net/long.ts:401: 401 lines, at most 400 are allowed",
    "src/net/string-utils.ts:1: the file's name says nothing about what is inside",
    "test/net/helpers.ts:1: the file's name says nothing about what is inside",
  ]);
});

it("imports are found in every form, and not in comments or strings", () => {
  const source = [
    'import "./a.ts";',
    "import type {",
    "  B,",
    '} from "./b.ts";',
    'export { c } from "./c.ts";',
    'const d = await import("./d.ts");',
    '// import "./no.ts";',
    "const text = 'import \"./no.ts\"';",
    "",
  ].join("\n");
  assert.deepEqual(importsOf(source).slice(0, 4), [
    { line: 1, specifier: "./a.ts" },
    { line: 4, specifier: "./b.ts" },
    { line: 5, specifier: "./c.ts" },
    { line: 6, specifier: "./d.ts" },
  ]);
  assert.equal(codeOnly("a /* b\n c */ + 'd' // e"), 'a \n + "" ');
});
