import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import type { Release, SourceChange } from "./releases.ts";
import { RELEASES } from "./releases.ts";

// isobar as another release of it: the first argument names one of RELEASES, the others are isobar's.
const [release = ""] = process.argv.splice(2, 1);
const changes: readonly SourceChange[] = RELEASES[release as Release];
const sources = new URL("../../../src/", import.meta.url);

for (const { file, from } of changes)
  if (!readFileSync(new URL(file, sources), "utf8").includes(from))
    throw new Error(`${file}: found no ${JSON.stringify(from)}, which the release ${release} has otherwise`);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const own = changes.filter(({ file }) => url === new URL(file, sources).href);
    if (own.length === 0) return loaded;
    return {
      ...loaded,
      source: own.reduce((text, { from, to }) => text.replace(from, to), String(loaded.source)),
    };
  },
});

const main = new URL("cli/main.ts", sources);
process.argv[1] = fileURLToPath(main);
await import(main.href);
