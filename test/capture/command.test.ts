import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { BoxNamespace } from "../box/harness/box-namespace.ts";
import { LAUNCHER } from "../box/harness/logged-program.ts";
import { missingForCapture, planOf } from "./live/harness/capture-lab.ts";

function isobar(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCHER, "capture", ...args], {
    encoding: "utf8",
    env,
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

describe("isobar capture, the command", () => {
  let runDir: string;
  before(() => {
    runDir = mkdtempSync(join(tmpdir(), "isobar-capture-"));
  });
  after(() => rmSync(runDir, { recursive: true, force: true }));

  function writeGeneration(name: string, plan: string): void {
    const folder = join(runDir, name);
    mkdirSync(folder, { recursive: true });
    const nowMs = Date.now();
    const state = { generation: name, startedMs: nowMs, pid: 1, port: 4001, workers: 1, ready: true };
    const file = { format: 1, ...state, draining: false, writtenMs: nowMs };
    writeFileSync(join(folder, "generation.json"), JSON.stringify(file));
    writeFileSync(join(folder, "plan.json"), JSON.stringify({ format: 1, ...JSON.parse(plan) }));
  }

  it("says that there is no proxy, and where it has looked", () => {
    const { status, stderr } = isobar(["--dry-run", "--run-dir", runDir]);
    assert.equal(status, 69);
    assert.match(stderr, new RegExp(`no proxy has written .*in ${runDir}`, "s"));
  });

  it("prints the table with --dry-run", () => {
    writeGeneration("a", planOf());
    const { status, stdout } = isobar(["--dry-run", "--run-dir", runDir, "--table", "other"]);
    assert.equal(status, 0);
    assert.match(stdout, /table inet other \{/);
    assert.match(stdout, /10\.96\.0\.10 \. 50051 : 240\.18\.0\.1 \. 4001/);
  });

  it("does not follow a link that a proxy's folder has instead of a plan", () => {
    const secret = join(runDir, "secret");
    writeFileSync(secret, "what only root may read");
    rmSync(join(runDir, "a", "generation.json"));
    symlinkSync(secret, join(runDir, "a", "generation.json"));
    const { status, stderr } = isobar(["--dry-run", "--run-dir", runDir]);
    assert.equal(status, 69);
    assert.match(stderr, /a: .*ELOOP/);
    assert.doesNotMatch(stderr, /what only/);
    rmSync(join(runDir, "a"), { recursive: true });
  });

  it("refuses a table's name that nft would read as something else", () => {
    const { status, stderr } = isobar(["--table", "isobar; flush ruleset"]);
    assert.equal(status, 64);
    assert.match(stderr, /wanted a name of small letters/);
  });

  describe("says what is missing", { skip: missingForCapture() }, () => {
    let space: BoxNamespace;
    before(() => {
      space = BoxNamespace.make(`isocap-${process.pid}-command`);
    });
    after(() => space?.remove());

    const args = (): string[] => ["capture", "--run-dir", runDir];

    it("when it may not change the node's tables", () => {
      const dropped = [
        "--bounding-set=-net_admin",
        "--inh-caps=-net_admin",
        process.execPath,
        LAUNCHER,
        ...args(),
      ];
      const { command, args: all } = space.enter({ command: "setpriv", args: dropped });
      const { status, stderr } = spawnSync(command, all, { encoding: "utf8", timeout: 20_000 });
      assert.equal(status, 71, stderr);
      assert.match(stderr, /capture: cannot change the node's tables: .*NET_ADMIN/s);
    });

    it("when there is no nft", () => {
      // A mount namespace of its own, in which nft is an empty file.
      const script = `for nft in /usr/sbin/nft /sbin/nft /usr/bin/nft; do [ -e "$nft" ] && mount --bind /dev/null "$nft"; done; exec "$0" "$@"`;
      const hidden = ["-m", "sh", "-c", script, process.execPath, LAUNCHER, ...args()];
      const { command, args: all } = space.enter({ command: "unshare", args: hidden });
      const { status, stderr } = spawnSync(command, all, { encoding: "utf8", timeout: 20_000 });
      assert.equal(status, 71, stderr);
      assert.match(stderr, /cannot run nft: .*install nftables/s);
    });
  });
});
