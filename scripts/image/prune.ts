// Takes out of folders of JavaScript what is not needed to run it: types, maps of sources, pages, and libraries of another runtime. Licences stay.
//
//   node scripts/image/prune.ts FOLDER...
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const NEEDLESS_FILE = /\.(?:[cm]?ts|map|md|markdown|flow)$/i;
const LICENCE = /^(?:licen[cs]e|notice|copying|authors)/i;
/**
 * Native libraries of packages for the runtime Bare, packages' own tests, and the generated classes for every kind of Kubernetes object, 24 MB of
 * which nothing is used: kubeconfigs alone are read by that package.
 */
const NEEDLESS_FOLDER =
  /\/bare-[a-z]+\/prebuilds$|node_modules\/(?:@[^/]+\/)?[^/]+\/(?:tests?|benchmarks?|examples?|docs|\.github)$|\/client-node\/dist\/gen\/(?:apis|models|types)$/;
/** What is still imported of that folder, by the way of an authenticator. */
const GENERATED_INDEX = "client-node/dist/gen/index.js";
const GENERATED_EXPORTS =
  'export { createConfiguration } from "./configuration.js";\nexport * from "./servers.js";\n';

const folders = process.argv.slice(2);
if (folders.length === 0) {
  console.error("usage: node scripts/image/prune.ts FOLDER...");
  process.exit(64);
}
let octets = 0;
for (const folder of folders) prune(folder);
console.log(`${(octets / 1e6).toFixed(1)} MB taken out of ${folders.join(", ")}`);

function prune(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (NEEDLESS_FOLDER.test(path)) {
        octets += octetsOf(path);
        rmSync(path, { recursive: true });
      } else prune(path);
    } else if (NEEDLESS_FILE.test(entry.name) && !LICENCE.test(entry.name)) {
      octets += statSync(path).size;
      rmSync(path);
    } else if (path.endsWith(GENERATED_INDEX)) writeFileSync(path, GENERATED_EXPORTS);
  }
}

function octetsOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
