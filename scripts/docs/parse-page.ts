/** Processes that a block's commands look at; they run before it and end after it. */
export type Stage = "nothing" | "proxy" | "audit";

/** One line `$ isobar …` of a page, and what the page says comes out. */
export interface ShownCommand {
  /** What follows `$ isobar`, split at blanks. */
  readonly args: readonly string[];
  /** The lines below it, up to the next command: standard output and standard error as on a terminal. */
  readonly shown: string;
}

/** A fenced block under `<!-- run -->`. */
export interface RunBlock {
  /** Number of its first line, from 1. */
  readonly line: number;
  readonly commands: readonly ShownCommand[];
  /** Exit code of the last command; the others end with 0. */
  readonly exitCode: number;
  readonly stage: Stage;
  /** Figures, times, addresses and blanks are not compared. */
  readonly figuresVary: boolean;
}

/** What a page says of commands. */
export interface DocumentedPage {
  /** Files that the page shows, by name: commands find them in their working folder. */
  readonly files: ReadonlyMap<string, string>;
  readonly blocks: readonly RunBlock[];
  /** What cannot be checked as it stands, with its line. */
  readonly problems: readonly string[];
}

const BLOCK = /(?:^<!-- (run|not run|file)(?:: (.*?))? -->\n)?^```[a-z]*\n([\s\S]*?)^```$/gm;
const COMMAND = /^\$ isobar(?: |$)/m;
/** What only a shell understands; commands are started without one. */
const SHELL = /["'`$|<>;&*\\]/;

/**
 * Reads the blocks of a page that are held against real runs. In front of a fenced block stands one of
 *
 * - `<!-- run -->`, or with terms that are joined by commas: `<!-- run: exit 64, with proxy, figures vary -->`
 * - `<!-- file: NAME -->`: the block is a file in the folder in which the page's commands run
 * - `<!-- not run: REASON -->`
 *
 * A block that shows `$ isobar …` without any of them is a problem.
 *
 * @param path of the page, for messages.
 */
export function parsePage(path: string, text: string): DocumentedPage {
  const files = new Map<string, string>();
  const blocks: RunBlock[] = [];
  const problems: string[] = [];
  for (const { 0: whole, 1: mark, 2: terms = "", 3: body = "", index } of text.matchAll(BLOCK)) {
    const line = text.slice(0, index + whole.indexOf("```")).split("\n").length + 1;
    const problem = (what: string): unknown => problems.push(`${path}:${line}: ${what}`);
    if (mark === undefined) {
      if (COMMAND.test(body))
        problem("shows what isobar prints, and is marked neither as run nor as not run, with the reason");
    } else if (mark === "file") {
      if (!/^[a-z][\w.-]*$/.test(terms)) problem(`found the file "${terms}", wanted a name without a folder`);
      files.set(terms, body);
    } else if (mark === "not run") {
      if (terms === "") problem("says no reason why it is not run");
    } else {
      const block = { line, exitCode: 0, stage: "nothing", figuresVary: false, ...readTerms(terms, problem) };
      blocks.push({ ...block, commands: readCommands(body, problem) } as RunBlock);
    }
  }
  return { files, blocks, problems };
}

function readTerms(terms: string, problem: (what: string) => unknown): Partial<RunBlock> {
  const read: { exitCode?: number; stage?: Stage; figuresVary?: boolean } = {};
  for (const term of terms.split(/, */).filter((each) => each !== "")) {
    const [, exit, stage] = /^(?:exit (\d+)|with (proxy|audit)|figures vary)$/.exec(term) ?? [];
    if (exit !== undefined) read.exitCode = Number(exit);
    else if (stage !== undefined) read.stage = stage as Stage;
    else if (term === "figures vary") read.figuresVary = true;
    else problem(`found the term "${term}", wanted "exit N", "with proxy", "with audit" or "figures vary"`);
  }
  return read;
}

function readCommands(body: string, problem: (what: string) => unknown): ShownCommand[] {
  const [before = "", ...parts] = body.split(/^\$ /m);
  if (before !== "" || parts.length === 0) problem('does not begin with "$ isobar …"');
  return parts.map((part) => {
    const end = part.indexOf("\n");
    const typed = part.slice(0, end);
    if (!/^isobar( |$)/.test(typed) || SHELL.test(typed))
      problem(`found "$ ${typed}", wanted "$ isobar …" without what only a shell understands`);
    return { args: typed.split(/ +/).slice(1), shown: part.slice(end + 1) };
  });
}
