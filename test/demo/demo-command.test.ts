import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, it } from "node:test";
import { isobarProgram } from "../../src/demo/isobar-child.ts";

interface Run {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
  readonly tookMs: number;
}

function demo(...args: string[]): Promise<Run> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [isobarProgram(), "demo", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => {
    output += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    errors += String(chunk);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output, errors, tookMs: performance.now() - startedMs }));
  });
}

function leftovers(): string[] {
  return readdirSync(tmpdir()).filter((name) => /^isobar-demo-[A-Za-z0-9]{6}$/.test(name));
}

describe("isobar demo", () => {
  it("shows the same load both ways within the time given, and cleans up", { timeout: 60_000 }, async () => {
    const before = leftovers();
    const { code, output, errors, tookMs } = await demo("--duration", "12s");
    assert.equal(code, 0, `${output}\n${errors}`);
    const ratio = /^max\/mean {2}per connection (\d+\.\d\d) {3}Isobar (\d+\.\d\d)$/m.exec(output);
    assert.ok(ratio, output);
    // Seed 1 puts 6 of 20 connections on one of six backends.
    assert.ok(Math.abs(Number(ratio[1]) - 1.8) < 0.4, output);
    assert.ok(Number(ratio[2]) < 1.25, output);
    for (const part of ["1 of 4", "2 of 4", "3 of 4", "4 of 4", "Summary"])
      assert.ok(output.includes(part), part);
    assert.ok(!output.includes("\x1b"), "escape sequences without a terminal");
    // The shortest parts are fixed: a machine that needs long to start the processes may exceed it a little.
    assert.ok(tookMs < 18_000, `took ${tookMs} ms`);
    assert.deepEqual(
      leftovers().filter((name) => !before.includes(name)),
      [],
    );
  });

  it("ends with exit code 64 for wrong usage, saying what is wanted", { timeout: 30_000 }, async () => {
    for (const args of [
      ["--duration", "1s"],
      ["--duration", "soon"],
      ["--seed", "x"],
      ["--port", "0"],
      ["--nope"],
    ]) {
      const { code, errors } = await demo(...args);
      assert.equal(code, 64, args.join(" "));
      assert.match(errors, /wanted|unknown option/);
    }
  });
});
