#!/usr/bin/env node
// Plain JavaScript on purpose: it must run on the very Node versions it refuses.
import { existsSync } from "node:fs";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(
    `isobar: needs Node 24.12 or newer, found ${process.versions.node}; run "npm ci" (the lockfile brings the right one) and start through npm scripts\n`,
  );
  process.exit(69);
}
// In a build the module beside this one is JavaScript already.
const built = existsSync(new URL("./main.js", import.meta.url));
await import(built ? "./main.js" : "./main.ts");
