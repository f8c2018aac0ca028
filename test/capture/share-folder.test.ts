import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { shareFolder } from "../../src/capture/share-folder.ts";
import { ExitError } from "../../src/daemon/exit-code.ts";

const [PROXY, STRANGER] = [65_532, 65_533];
const isRoot = process.getuid!() === 0;

describe("the folder that proxies and capture share", () => {
  const parent = mkdtempSync(join(tmpdir(), "isobar-share-"));
  chmodSync(parent, 0o755);
  after(() => rmSync(parent, { recursive: true }));
  const modeOf = (folder: string): number => statSync(folder).mode & 0o7777;

  it("is everybody's to write in, as /tmp, where no group is named", async () => {
    const folder = join(parent, "everybody");
    await shareFolder(folder, undefined);
    assert.equal(modeOf(folder), 0o1777);
  });

  it("is one group's where one is named, and is taken from everybody then", async () => {
    const folder = join(parent, "group");
    await shareFolder(folder, undefined);
    await shareFolder(folder, process.getgid!());
    assert.equal(modeOf(folder), 0o1770);
    assert.equal(statSync(folder).gid, process.getgid!());
  });

  it("lets its group write and no stranger; who is not in the group cannot give it away", async () => {
    const folder = join(parent, "strangers");
    if (!isRoot) {
      await assert.rejects(
        shareFolder(folder, 0),
        (error: unknown) => error instanceof ExitError && /see --run-group/.test(error.message),
      );
      return;
    }
    await shareFolder(folder, PROXY);
    const write = (id: number) =>
      spawnSync("touch", [join(folder, "plan.json")], { uid: id, gid: id }).status;
    assert.notEqual(write(STRANGER), 0);
    assert.equal(write(PROXY), 0);
  });

  it("says what to do where it cannot be made", async () => {
    await assert.rejects(shareFolder("/dev/null/run", undefined), /see --run-dir/);
  });
});
