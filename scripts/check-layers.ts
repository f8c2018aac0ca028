// Holds src to the order of folders in layers.ts, and every file to its length and name.
import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join, posix, resolve } from "node:path";
import { BANNED_NAMES, LAYERS, MAX_LINES, PURE_EXCEPTIONS } from "./layers.ts";
import { codeOnly, importsOf, lineAt } from "./source-text.ts";

const CHECKED = ["src", "test", "bench", "scripts", "examples"];
const SKIPPED_FOLDERS = ["node_modules", "fixtures", "generated", "target"];
const KEBAB_CASE = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test)?$/;
/** What ties code to the outside world; the name found is what {@link PURE_EXCEPTIONS} lists. */
const OUTSIDE =
  /\b(Date\s*\.\s*now|new\s+Date|Math\s*\.\s*random|performance|setTimeout|setInterval|setImmediate|process|console|crypto|fetch)\b/g;

/** A source file of the tree. */
interface Source {
  readonly path: string;
  readonly text: string;
}

/**
 * Checks a tree.
 *
 * @param root the folder that holds src.
 * @returns what is wrong, one `path:line: text` each; empty when the tree keeps the rules.
 */
export function checkLayers(root: string): string[] {
  const sources = globSync(
    CHECKED.map((folder) => `${folder}/**/*.{ts,mjs}`),
    { cwd: root },
  )
    .filter((path) => !path.split("/").some((part) => SKIPPED_FOLDERS.includes(part)))
    .sort()
    .map((path): Source => ({ path, text: readFileSync(join(root, path), "utf8") }));
  const inSrc = sources.filter((source) => source.path.startsWith("src/"));
  return [
    ...sources.flatMap(checkShape),
    ...inSrc.flatMap(checkImports),
    ...inSrc.flatMap(checkPurity),
    ...findCycles(sources),
  ];
}

function checkShape({ path, text }: Source): string[] {
  const problems: string[] = [];
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  if (lines > MAX_LINES) problems.push(`${path}:${lines}: ${lines} lines, at most ${MAX_LINES} are allowed`);
  const name = basename(path).replace(/\.(ts|mjs)$/, "");
  if (!KEBAB_CASE.test(name)) problems.push(`${path}:1: the file's name is not in kebab-case`);
  if (BANNED_NAMES.some((banned) => banned.test(name.replace(/\.test$/, "")))) {
    problems.push(`${path}:1: the file's name says nothing about what is inside`);
  }
  return problems;
}

function layerOf(path: string): number {
  return LAYERS.findIndex((layer) => path.startsWith(`src/${layer.folder}/`));
}

function checkImports({ path, text }: Source): string[] {
  const own = layerOf(path);
  if (own < 0) return [`${path}:1: its folder is not in the table of scripts/layers.ts`];
  const problems: string[] = [];
  for (const { line, specifier } of importsOf(text)) {
    if (!specifier.startsWith(".")) continue;
    const target = posix.join(dirname(path), specifier);
    const other = layerOf(target);
    if (other < 0) problems.push(`${path}:${line}: imports ${target}, which is in no folder of the table`);
    else if (other > own) {
      const [upper, lower] = [LAYERS[own]!.folder, LAYERS[other]!.folder];
      problems.push(`${path}:${line}: ${upper} imports ${target}, but ${upper} comes before ${lower}`);
    }
  }
  return problems;
}

function checkPurity({ path, text }: Source): string[] {
  const layer = LAYERS[layerOf(path)];
  if (layer?.pure !== true) return [];
  const problems: string[] = [];
  for (const { line, specifier } of importsOf(text)) {
    if (!specifier.startsWith("."))
      problems.push(`${path}:${line}: ${layer.folder} is pure, found "${specifier}"`);
  }
  const code = codeOnly(text);
  for (const match of code.matchAll(OUTSIDE)) {
    const name = match[1]!.replaceAll(/\s+/g, " ");
    // A property of that name is the code's own.
    if (/[.?]\s*$/.test(code.slice(Math.max(0, match.index - 2), match.index))) continue;
    if (PURE_EXCEPTIONS[path]?.includes(name) === true) continue;
    problems.push(`${path}:${lineAt(code, match.index)}: ${layer.folder} is pure, found ${name}`);
  }
  return problems;
}

/** Finds import cycles, of types too: a type that is needed below its place moves down. */
function findCycles(sources: readonly Source[]): string[] {
  const targets = new Map<string, string[]>();
  for (const { path, text } of sources) {
    const relative = importsOf(text).filter(({ specifier }) => specifier.startsWith("."));
    targets.set(
      path,
      relative.map(({ specifier }) => posix.join(dirname(path), specifier)),
    );
  }
  const problems: string[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    if (done.has(path)) return;
    const at = trail.indexOf(path);
    if (at >= 0) {
      problems.push(`${path}:1: import cycle: ${[...trail.slice(at), path].join(" → ")}`);
      return;
    }
    trail.push(path);
    for (const target of targets.get(path) ?? []) visit(target);
    trail.pop();
    done.add(path);
  };
  for (const path of targets.keys()) visit(path);
  return problems;
}

if (import.meta.main) {
  const problems = checkLayers(resolve(import.meta.dirname, ".."));
  for (const problem of problems) console.error(problem);
  const verdict = problems.length === 0 ? "the folders' order is kept" : `${problems.length} problems`;
  console.log(`check-layers: ${verdict}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
