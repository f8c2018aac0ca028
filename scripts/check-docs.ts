// Runs the commands that pages show, and says where something else comes out; with --write puts what came out into the pages.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parsePage } from "./docs/parse-page.ts";
import type { PlayedCommand } from "./docs/play-page.ts";
import { playPage } from "./docs/play-page.ts";

const USAGE = `usage: npm run docs:check -- [--write] [PAGE…]
  PAGE     such as docs/cli-help.md; default: all that show commands
  --write  where something else comes out, put it into the page; blocks with a line "…" are left to you
`;

const root = resolve(import.meta.dirname, "..");

async function main(args: readonly string[]): Promise<number> {
  const isWriting = args.includes("--write");
  const named = args.filter((each) => !each.startsWith("--"));
  if (args.some((each) => each.startsWith("--") && each !== "--write")) {
    process.stdout.write(USAGE);
    return args.includes("--help") ? 0 : 64;
  }
  const pages = named.length > 0 ? named : globSync(["*.md", "docs/**/*.md"], { cwd: root }).sort();
  let wrong = 0;
  let commands = 0;
  for (const path of pages) {
    const text = readFileSync(join(root, path), "utf8");
    const page = parsePage(path, text);
    for (const problem of page.problems) console.error(problem);
    wrong += page.problems.length;
    if (page.blocks.length === 0) continue;
    const played = await playPage(page);
    const others = played.filter(({ isSame }) => !isSame);
    commands += played.length;
    console.log(`${path}: ${played.length} commands, ${others.length} otherwise`);
    for (const each of others) console.error(describe(path, each));
    if (isWriting) writeFileSync(join(root, path), others.reduce(putIn, text));
    wrong += others.length;
  }
  console.log(`docs: ${commands} commands, ${wrong} wrong`);
  return wrong === 0 || isWriting ? 0 : 1;
}

function describe(path: string, command: PlayedCommand): string {
  const { line, typed, shown, printed, exitCode, wantedExitCode } = command;
  const code = exitCode === wantedExitCode ? "" : ` and ended with ${exitCode}, wanted ${wantedExitCode}`;
  return `${path}:${line}: ${typed} printed${code}:\n${printed}the page shows:\n${shown}`;
}

function putIn(text: string, { typed, shown, printed }: PlayedCommand): string {
  if (/^…$/m.test(shown)) return text;
  const line = `$ ${typed}\n`;
  const end = printed === "" || printed.endsWith("\n") ? "" : "\n";
  return text.replace(line + shown, () => line + printed + end);
}

process.exitCode = await main(process.argv.slice(2));
