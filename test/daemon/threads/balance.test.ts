import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../src/base/random.ts";
import { ACCEPTOR } from "../../../src/daemon/data-plane-threads.ts";
import { GrpcBackend } from "../../proxy/fixture/grpc-backend.ts";
import { answerOf, RawClient } from "../../proxy/fixture/raw-client.ts";
import { until } from "../../proxy/fixture/until.ts";
import { QuietClient } from "./quiet-client.ts";
import { ThreadRig } from "./thread-rig.ts";

const spread = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts);
const sum = (counts: readonly number[]): number => counts.reduce((all, each) => all + each, 0);

async function withRig(
  workers: number,
  run: (rig: ThreadRig) => Promise<void>,
  ...more: [ports?: number[], options?: Parameters<typeof ThreadRig.start>[2]]
): Promise<void> {
  const rig = await ThreadRig.start(workers, more[0] ?? [1], more[1]);
  try {
    await run(rig);
  } finally {
    await rig.close();
  }
}

/** Opens connections and waits until each is served. */
async function open(rig: ThreadRig, count: number): Promise<QuietClient[]> {
  const clients = Array.from({ length: count }, () => new QuietClient(rig.port));
  await Promise.all(clients.map((client) => client.answered));
  return clients;
}

describe("connections on several workers", () => {
  it("six are three and three, in twenty trials of twenty, opened at once or one by one", async () => {
    await withRig(2, async (rig) => {
      for (let trial = 0; trial < 20; trial++) {
        const clients: QuietClient[] = [];
        if (trial % 2 === 0) clients.push(...(await open(rig, 6)));
        else for (let i = 0; i < 6; i++) clients.push(...(await open(rig, 1)));
        assert.deepEqual(rig.connections, [3, 3]);
        for (const client of clients) client.close();
        await until("all are gone", () => sum(rig.connections) === 0);
      }
    });
  });

  for (const workers of [2, 3, 4]) {
    it(`most and fewest differ by 1 at most on ${workers} workers, in bursts, one by one, and with others closing`, async () => {
      await withRig(workers, async (rig) => {
        const random = new SeededRandom(workers);
        const below = (limit: number): number => Math.floor(random.nextFloat() * limit);
        const clients: QuietClient[] = [];
        for (let step = 0; step < 25; step++) {
          clients.push(...(await open(rig, 1 + below(step % 3 === 0 ? 40 : 2))));
          assert.equal(sum(rig.connections), clients.length);
          assert.ok(spread(rig.connections) <= 1, `step ${step}: ${rig.connections}`);
          // Closing takes from anywhere; the next ones to come fill up what has become least.
          for (let closing = below(clients.length / 2); closing > 0; closing--)
            clients.splice(below(clients.length), 1)[0]!.close();
          await until("those are gone", () => sum(rig.connections) === clients.length);
          clients.push(...(await open(rig, spread(rig.connections) * workers)));
          assert.ok(spread(rig.connections) <= 1, `step ${step}, filled up: ${rig.connections}`);
        }
        for (const client of clients) client.close();
        await until("all are gone", () => sum(rig.connections) === 0);
      });
    });
  }

  it("loses no octet of what clients send before anybody accepts them", async () => {
    const backend = await GrpcBackend.start();
    await withRig(
      2,
      async (rig) => {
        rig.breaker.break({ worker: ACCEPTOR, how: "pause" });
        const body = Buffer.alloc(60_000, "early ");
        const message = Buffer.concat([Buffer.from([0, 0, 0, 0, 0]), body]);
        message.writeUInt32BE(body.length, 1);
        // Preface, SETTINGS, HEADERS and DATA leave in the turn in which the kernel completes the connection.
        const clients = Array.from({ length: 20 }, () => new RawClient(rig.port));
        const answers = await Promise.all(
          clients.map((client) => {
            const stream = client.open();
            stream.end(message);
            return answerOf(stream);
          }),
        );
        for (const answer of answers) {
          assert.equal(answer.status, 0, answer.message);
          assert.ok(answer.body.equals(message));
        }
        assert.deepEqual(rig.connections, [10, 10]);
        for (const client of clients) client.close();
      },
      [backend.port],
      { breakable: true },
    );
    backend.stop();
  });

  it("of a unix socket are handed over as evenly as those of TCP", async () => {
    const folder = mkdtempSync(join(tmpdir(), "isobar-"));
    const unixPath = join(folder, "socket");
    await withRig(
      3,
      async (rig) => {
        const clients = Array.from(
          { length: 12 },
          (_, i) => new QuietClient(i % 2 === 0 ? unixPath : rig.port),
        );
        await Promise.all(clients.map((client) => client.answered));
        assert.deepEqual(rig.connections, [4, 4, 4]);
        for (const client of clients) client.close();
        await until("all are gone", () => sum(rig.connections) === 0);
      },
      [1],
      { unixPath },
    );
    rmSync(folder, { recursive: true });
  });

  it("are all served where sockets cannot be handed over: every worker listens", async () => {
    const acceptorEntry = new URL("./failing-acceptor.ts", import.meta.url);
    const folder = mkdtempSync(join(tmpdir(), "isobar-"));
    const unixPath = join(folder, "socket");
    await withRig(
      2,
      async (rig) => {
        await until("both listen", () => rig.listening === 3);
        const clients = await open(rig, 40);
        const viaUnix = new QuietClient(unixPath);
        await viaUnix.answered;
        assert.equal(sum(rig.connections), 41);
        assert.ok(Math.min(...rig.connections) > 0, `${rig.connections}`);
        const warnings = rig.log.filter((line) => line.includes("cannot be handed to other threads"));
        assert.equal(warnings.length, 1);
        assert.match(warnings[0]!, /"level":"warn".*"reason":"the socket arrived without its octets/);
        for (const client of [...clients, viaUnix]) client.close();
      },
      [1],
      { acceptorEntry, unixPath },
    );
    rmSync(folder, { recursive: true });
  });
});
