import assert from "node:assert/strict";
import type { OutgoingHttpHeaders } from "node:http2";
import { after, before, describe, it } from "node:test";
import { ProxyProcess } from "../../proxy/fixture/proxy-process.ts";
import { RawClient } from "../../proxy/fixture/raw-client.ts";
import { WorkerBackend } from "../../proxy/fixture/worker-backend.ts";

const BACKENDS = 4;
const SOURCES = 24;
const CALLS = 6;
const MESSAGE = Buffer.from([0, 0, 0, 0, 1, 42]);

for (const policy of ["ring_hash", "maglev"]) {
  describe(`affinity by ${policy}, from client to endpoint through a running proxy with two threads`, () => {
    let backends: WorkerBackend[];
    before(async () => {
      backends = await Promise.all(Array.from({ length: BACKENDS }, (_, i) => WorkerBackend.start(i)));
    });
    after(() => {
      for (const backend of backends) backend.stop();
    });

    /** @param keys what is hashed. */
    async function withProxy(keys: string, run: (port: number) => Promise<void>): Promise<void> {
      const proxy = await ProxyProcess.start(
        backends.map(({ port }) => port),
        { concurrency: 2, loadBalancer: `{ policy: ${policy}, hash: { keys: [${keys}] } }` },
      );
      try {
        await run(proxy.port);
      } finally {
        assert.equal(await proxy.terminate(), 0, proxy.output);
      }
    }

    /** Calls on two connections at once, which are on different threads. @returns the backends that served. */
    async function servedBy(
      port: number,
      headers: OutgoingHttpHeaders = {},
      localAddress?: string,
    ): Promise<Set<number>> {
      const clients = [1, 2].map(() => new RawClient(port, {}, localAddress));
      const served = new Set<number>();
      for (let i = 0; i < CALLS; i++) {
        for (const { status, body } of await Promise.all(clients.map((c) => c.call(MESSAGE, headers)))) {
          assert.equal(status, 0);
          served.add(body[0]!);
        }
      }
      for (const client of clients) client.close();
      return served;
    }

    /** Each of many is served by one endpoint, and all of them by nearly all: one in 250 times chance leaves one of four endpoints out. */
    async function assertAffinity(serve: (n: number) => Promise<Set<number>>): Promise<void> {
      const all = new Set<number>();
      for (let n = 0; n < SOURCES; n++) {
        const served = await serve(n);
        assert.equal(served.size, 1, `${n} was served by ${[...served]}`);
        for (const each of served) all.add(each);
        assert.deepEqual(await serve(n), served, "the same again on new connections");
      }
      assert.ok(all.size >= BACKENDS - 1, `${[...all]}`);
    }

    it("by source: whoever calls from one address is served by one endpoint", async () => {
      await withProxy("{ source: true }", (port) =>
        assertAffinity((n) => servedBy(port, {}, `127.0.1.${n + 1}`)),
      );
    });

    it("by header, else cookie, else source", async () => {
      const keys = "{ header: x-user }, { cookie: session }, { source: true }";
      await withProxy(keys, async (port) => {
        // From different addresses, which count for nothing while there is a header or a cookie.
        const from = (n: number): string => `127.0.2.${n + 1}`;
        await assertAffinity((n) => servedBy(port, { "x-user": `user-${n}` }, from(n)));
        const user = await servedBy(port, { "x-user": "user-1" }, from(200));
        assert.deepEqual(user, await servedBy(port, { "x-user": "user-1", cookie: "session=x" }, from(201)));
        const cookie = (n: number): string => `theme=dark; session=${n}`;
        await assertAffinity((n) => servedBy(port, { cookie: cookie(n) }, from(n)));
        assert.deepEqual(
          await servedBy(port, { cookie: cookie(3) }, from(202)),
          await servedBy(port, { cookie: cookie(3) }, from(203)),
        );
        await assertAffinity((n) => servedBy(port, {}, from(n)));
      });
    });

    it("by method", async () => {
      await withProxy("{ method: true }", (port) =>
        assertAffinity((n) => servedBy(port, { ":path": `/test.Echo/Method${n}` })),
      );
    });
  });
}
