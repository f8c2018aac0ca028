import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { isBuiltin } from "node:module";
import { test } from "node:test";

const MODULE = new URL("../../src/daemon/trim-malloc.ts", import.meta.url).href;
/** Small things that stay lie between larger ones that go: 40 MB in holes. What it prints is what trimming gave back, in MB. */
const CODE = `
  const { trimMalloc } = await import(${JSON.stringify(MODULE)});
  const kept = [];
  let gone = [];
  for (let i = 0; i < 2_000; i++) {
    gone.push(new SharedArrayBuffer(20_000));
    new Uint8Array(gone.at(-1)).fill(1);
    kept.push(new SharedArrayBuffer(64));
  }
  gone = [];
  gc();
  await new Promise((resolve) => setTimeout(resolve, 100));
  gc();
  const before = process.memoryUsage.rss();
  trimMalloc();
  trimMalloc();
  console.log((before - process.memoryUsage.rss()) / 1e6, kept.length);
`;

function run(...flags: string[]): { readonly freed: number; readonly errors: string } {
  const args = [...flags, "--expose-gc", "--input-type=module", "--eval", `${CODE}`];
  const env = { ...process.env, NODE_OPTIONS: "", MALLOC_ARENA_MAX: "1" };
  const text = execFileSync(process.execPath, args, {
    encoding: "utf8",
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [freed = Number.NaN] = text.split(" ").map(Number);
  return { freed, errors: text };
}

/** Whether this Node and its C library have what it takes. */
const isPossible =
  isBuiltin("node:ffi") && "glibcVersionRuntime" in (process.report.getReport() as { header: object }).header;

test("what lies free between things that stay is given back", {
  skip: isPossible ? false : "needs node:ffi and glibc",
}, () => {
  const { freed, errors } = run();
  assert.ok(freed > 10, `${freed} MB: ${errors}`);
});

test("where Node has no ffi nothing happens", { skip: isPossible ? false : "has none" }, () => {
  const { freed } = run("--no-experimental-ffi");
  assert.ok(Math.abs(freed) < 2, `${freed} MB`);
});
