import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { until } from "../e2e/harness/until.ts";
import { BoxLock } from "./harness/box-lock.ts";

const quiet = (): void => {};

describe("the machine's place for a cluster in a box", () => {
  let folder: string;
  let file: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "isobox-lock-"));
    file = join(folder, "lock");
  });
  after(() => rmSync(folder, { recursive: true }));

  it("is one cluster's, and the next one's when it is let go; who waits says so once", async () => {
    const first = await BoxLock.acquire(quiet, file);
    let waits = 0;
    let second: BoxLock | undefined;
    const acquired = BoxLock.acquire(() => waits++, file, 50).then((lock) => (second = lock));
    await until("it says that it waits", () => waits > 0);
    assert.equal(second, undefined);
    first[Symbol.dispose]();
    (await acquired)[Symbol.dispose]();
    assert.equal(waits, 1);
  });

  it("is free when its holder is killed", async () => {
    const module = join(import.meta.dirname, "harness/box-lock.ts");
    const script = `const { BoxLock } = await import(${JSON.stringify(module)}); await BoxLock.acquire(undefined, ${JSON.stringify(file)}); console.log("held"); setInterval(() => {}, 1e6);`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    holder.kill("SIGKILL");
    const lock = await BoxLock.acquire(quiet, file);
    lock[Symbol.dispose]();
  });

  it("keeps no process from ending", async () => {
    const module = join(import.meta.dirname, "harness/box-lock.ts");
    const script = `const { BoxLock } = await import(${JSON.stringify(module)}); await BoxLock.acquire(undefined, ${JSON.stringify(file)});`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    assert.deepEqual(await once(holder, "exit"), [0, null]);
    (await BoxLock.acquire(quiet, file))[Symbol.dispose]();
  });
});
