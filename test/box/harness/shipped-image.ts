import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withLock } from "../../clients/harness/lock.ts";
import { build, run, stageBuild } from "../../repository/build/build-stage.ts";
import { ROOT, trackedFiles } from "../../repository/repository-files.ts";

const FOLDER = join(ROOT, "node_modules/.cache/box-image");
/** As the Dockerfile names them, and what stands for the container runtime: it changes user and capabilities within the tree. */
const PROGRAMS = ["node", "nft", "ip", "ss", "setpriv"];
const SOURCES = /^(src|scripts\/image)\/|^(package(-lock)?|tsconfig(\.build)?)\.json$/;

/**
 * The file tree of the image, for the containers of a cluster in a box: the build and the programs by the scripts of the Dockerfile. Packages are mounted from the checkout;
 * `test/repository/build/image.test.ts` has the whole. Made once for the sources there are.
 *
 * @throws Error with what a step has said.
 */
export function shippedImage(): Promise<string> {
  return withLock("box-image", async () => {
    const tree = join(FOLDER, "tree");
    const stamp = join(FOLDER, ".built");
    const wanted = fingerprint();
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return tree;
    rmSync(FOLDER, { recursive: true, force: true });
    const stage = join(FOLDER, "build");
    mkdirSync(stage, { recursive: true });
    stageBuild(stage);
    succeeded("npm run build", build(stage));
    const collect = [join(ROOT, "scripts/image/collect-files.ts"), tree, ...PROGRAMS];
    succeeded("collect-files.ts", run(process.execPath, collect, ROOT));
    cpSync(join(stage, "dist"), join(tree, "isobar/dist"), { recursive: true });
    cpSync(join(stage, "package.json"), join(tree, "isobar/package.json"));
    rmSync(stage, { recursive: true });
    writeFileSync(stamp, wanted);
    return tree;
  });
}

function succeeded(what: string, { code, out, err }: ReturnType<typeof run>): void {
  if (code !== 0) throw new Error(`${what} ended with ${code}: ${out}${err}`);
}

function fingerprint(): string {
  const hash = createHash("sha256").update(process.version);
  for (const path of trackedFiles(SOURCES)) hash.update(`\n${path}\n`).update(readFileSync(join(ROOT, path)));
  return hash.digest("hex");
}
