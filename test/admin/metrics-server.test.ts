import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { MetricsServer } from "../../src/admin/metrics-server.ts";

let renders = 0;
let fail = false;
const server = new MetricsServer({
  contentType: "text/plain; version=0.0.4; charset=utf-8",
  render: async () => {
    renders++;
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (fail) throw new Error("broken");
    return ["a 1\n", "b 2\n"];
  },
});
let base: string;
before(async () => {
  base = `http://127.0.0.1:${await server.listen({ kind: "ip", host: "127.0.0.1", port: 0 })}`;
});
after(() => server.close());

test("GET /metrics gives the text", async () => {
  const response = await fetch(`${base}/metrics?name=a`);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(await response.text(), "a 1\nb 2\n");
});

test("nothing else is served", async () => {
  for (const path of ["/", "/ready", "/config_dump", "/metrics/", "/drain"]) {
    assert.equal((await fetch(base + path)).status, 404, path);
  }
  assert.equal((await fetch(`${base}/drain`, { method: "POST" })).status, 404);
  const post = await fetch(`${base}/metrics`, { method: "POST", body: "x" });
  assert.deepEqual([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
});

test("scrapes at the same time are rendered once", async () => {
  renders = 0;
  const texts = await Promise.all([1, 2, 3].map(async () => (await fetch(`${base}/metrics`)).text()));
  assert.deepEqual(texts, ["a 1\nb 2\n", "a 1\nb 2\n", "a 1\nb 2\n"]);
  assert.equal(renders, 1);
});

test("a scrape that fails is an error, and the next one works", async () => {
  fail = true;
  assert.equal((await fetch(`${base}/metrics`)).status, 500);
  fail = false;
  assert.equal((await fetch(`${base}/metrics`)).status, 200);
});
