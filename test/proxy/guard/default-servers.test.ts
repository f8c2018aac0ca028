import assert from "node:assert/strict";
import type { ClientHttp2Stream } from "node:http2";
import { describe } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { DisconnectReason } from "../../../src/telemetry/disconnect-reason.ts";
import { GuardCell } from "../../../src/telemetry/guard-cell.ts";
import { Backends } from "../../clients/harness/backends.ts";
import { go } from "../../clients/harness/go.ts";
import { java } from "../../clients/harness/java.ts";
import type { Language } from "../../clients/harness/language.ts";
import { python } from "../../clients/harness/python.ts";
import { declare } from "../../clients/harness/suite.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { answerOf, RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";

const TIME_MS = 500;
/** Longer than the time and a sweep, so that each silence has its PING. */
const SILENCE_MS = 1900;
const ROUNDS = 8;

/** An EchoRequest with one octet of payload, as a gRPC message. */
const MESSAGE = Buffer.from([0, 0, 0, 0, 3, 0x0a, 1, 0x78]);

/** One with 50,000: more than half of the window of any of the servers. */
const LARGE_MESSAGE = Buffer.concat([
  Buffer.from([0, 0, 0, 0xc3, 0x54, 0x0a, 0xd0, 0x86, 0x03]),
  Buffer.alloc(50_000),
]);

interface Stage {
  readonly proxy: LocalProxy;
  readonly client: RawClient;
  readonly stream: ClientHttp2Stream;
  /** Sends a message on the stream and waits for the reply. */
  readonly talk: () => Promise<void>;
}

/** Opens a bidirectional stream to a server of that language, with the defaults its users get. */
async function withStream(
  language: Language,
  minPingMs: number | undefined,
  action: (stage: Stage) => Promise<void>,
): Promise<void> {
  const backends = await Backends.start(language, ["only"]);
  const proxy = await LocalProxy.start(minPingMs === undefined ? {} : { minPingMs });
  proxy.apply([Number(backends.addresses[0]!.split(":").at(-1))], {
    keepaliveTimeMs: TIME_MS,
    keepaliveTimeoutMs: 5000,
  });
  const client = new RawClient(proxy.port);
  try {
    const stream = client.open({ ":path": "/isobar.test.Echo/Bidi" });
    let replies = 0;
    stream.on("data", () => replies++);
    const talk = async (): Promise<void> => {
      const before = replies;
      stream.write(MESSAGE);
      await until("a reply", () => replies > before);
    };
    await talk();
    await action({ proxy, client, stream, talk });
  } finally {
    client.close();
    await proxy.settled();
    await backends.stop();
    await proxy.close();
  }
}

const tooMany = ClusterColumn.upstreamDisconnects + DisconnectReason.goawayError;

describe("PINGs to servers with default settings", { concurrency: true }, () => {
  for (const language of [go, java, python]) {
    declare(
      `are never too many for ${language.name}, in talk, in silence, and while only credit comes`,
      [language],
      () =>
        withStream(language, undefined, async ({ proxy, client, stream, talk }) => {
          for (let i = 0; i < ROUNDS; i++) {
            await sleep(SILENCE_MS);
            await talk();
          }
          const pings = proxy.guarded(GuardCell.upstreamPings);
          assert.ok(pings >= ROUNDS - 2, `${pings} PINGs only`);
          await sleep(2 * SILENCE_MS);
          // An upload that the server answers with WINDOW_UPDATE alone, which is no leave to PING.
          const upload = client.open({ ":path": "/isobar.test.Echo/ClientStream" });
          for (let i = 0; i < 3; i++) {
            upload.write(LARGE_MESSAGE);
            await sleep(SILENCE_MS);
          }
          const uploaded = answerOf(upload);
          upload.end();
          assert.equal((await uploaded).status, 0);
          assert.ok(proxy.guarded(GuardCell.upstreamPings) <= pings + 1);
          const answer = answerOf(stream);
          stream.end();
          assert.equal((await answer).status, 0);
          assert.equal(proxy.row()[ClusterColumn.upstreamConnections], 1);
          assert.equal(proxy.row()[tooMany], 0);
          assert.equal(proxy.guarded(GuardCell.upstreamTimeouts), 0);
        }),
    );

    declare(
      `would be too many for ${language.name} if they came with every silence: the server does count`,
      [language],
      () =>
        withStream(language, 1, async ({ proxy }) => {
          await until("GOAWAY", () => proxy.row()[tooMany] === 1, { limitMs: 20_000 });
          assert.ok(proxy.guarded(GuardCell.upstreamPings) >= 3);
        }),
    );
  }
});
