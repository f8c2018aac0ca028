import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

test("neither a thread of the data plane nor the daemon loads TLS before a cluster asks for it", () => {
  for (const module of ["src/proxy/data-plane.ts", "src/daemon/proxy-daemon.ts"]) {
    const url = new URL(`../../${module}`, import.meta.url);
    const script = `await import(${JSON.stringify(url.href)}); console.log(process.moduleLoadList.join("\\n"))`;
    const loaded = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
    });
    assert.match(loaded, /NativeModule net$/m);
    assert.doesNotMatch(loaded, /NativeModule (tls|internal\/tls\/.*|_tls_.*)$/m, module);
  }
});
