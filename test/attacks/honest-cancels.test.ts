import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import type { ClientHttp2Session } from "node:http2";
import { connect } from "node:http2";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { SHARED, STRICT } from "./clusters.ts";
import { Innocent } from "./harness/innocent.ts";
import { LineProgram } from "./harness/pinned.ts";
import { buildGo, compile, missingGo, missingTools, OTHER_CORE } from "./harness/programs.ts";
import { AttackedProxy } from "./harness/proxy.ts";

const CANCELLED = 5_000;
/** The proxy takes 1,024 streams of a connection at a time. */
const AT_A_TIME = 1_000;
const LATER_CALLS = 200;
const CANCEL = 8;
const LIMIT = { timeout: 90_000 } as const;

const missing = missingTools() || missingGo();

/** Hedging and short deadlines: cancelling is part of gRPC, and many of a burst are no attack. */
describe("a client that cancels 5,000 calls in a burst", { skip: missing === "" ? false : missing }, () => {
  let shared: LineProgram;
  let strict: LineProgram;
  let proxy: AttackedProxy;
  let innocents: Innocent[];

  before(async () => {
    shared = new LineProgram(OTHER_CORE, compile("endpoint"), []);
    strict = new LineProgram(OTHER_CORE, buildGo(), ["endpoint"]);
    const [one, other] = [await shared.hear<{ port: number }>(), await strict.hear<{ port: number }>()];
    proxy = await AttackedProxy.start(
      [
        { name: SHARED, port: one.port },
        { name: STRICT, port: other.port },
      ],
      ["memory: { poisonFreed: true }"],
    );
    innocents = [new Innocent(proxy.port, SHARED), new Innocent(proxy.port, STRICT)];
    await sleep(500);
  });
  after(async () => {
    await Promise.all((innocents ?? []).map((innocent) => innocent.stop()));
    await proxy?.stop();
    await Promise.all([shared?.stop(), strict?.stop()]);
  });

  /** Whatever the client does, those who share its endpoints must not notice. */
  async function unnoticed<T>(act: () => Promise<T>): Promise<T> {
    for (const innocent of innocents) innocent.open();
    const result = await act();
    for (const innocent of innocents) {
      const { window, goaways } = await innocent.close();
      assert.equal(window.failed + window.lost + goaways, 0, innocent.complaints);
      assert.ok(window.answered > 50, "the innocent made no calls");
    }
    return result;
  }

  for (const authority of [SHARED, STRICT]) {
    it(
      `keeps its connection and all its later calls, with node:http2, calling ${authority}`,
      LIMIT,
      async () => {
        const seen = await unnoticed(() => cancelMany(proxy.port, authority));
        assert.deepEqual(seen, { cancelled: CANCELLED, goaway: -1, ended: false, answered: LATER_CALLS });
      },
    );
  }

  it("keeps its connection and all its later calls, with grpc-go", LIMIT, async () => {
    const address = `127.0.0.1:${proxy.port}`;
    const run = () => promisify(execFile)(buildGo(), ["cancel", address, STRICT], { timeout: 60_000 });
    const { stdout } = await unnoticed(run);
    const seen = JSON.parse(stdout) as Readonly<Record<string, number>>;
    assert.deepEqual(seen, { dials: 1, cancelled: CANCELLED, failed: 0 });
  });

  it("is not counted as a flood", async () => {
    const { samples } = await proxy.usage();
    const floods = [...samples].filter(
      ([name, count]) => name.startsWith("isobar_flood_closed_total") && count > 0,
    );
    assert.deepEqual(floods, []);
  });
});

interface Seen {
  cancelled: number;
  /** Code of the GOAWAY, -1 for none. */
  goaway: number;
  ended: boolean;
  answered: number;
}

async function cancelMany(port: number, authority: string): Promise<Seen> {
  const session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 1_000 });
  const seen = { cancelled: 0, goaway: -1, ended: false, answered: 0 };
  session.on("error", () => {});
  session.on("goaway", (code) => {
    seen.goaway = code;
  });
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  while (seen.cancelled < CANCELLED && !session.closed && !session.destroyed) {
    const streams = Array.from({ length: AT_A_TIME }, () => open(session, authority));
    // They have left, and some have reached the endpoint.
    await sleep(20);
    await Promise.all(
      streams.map((stream) => {
        if (stream.destroyed) return undefined;
        const closed = new Promise((resolve) => stream.once("close", resolve));
        stream.close(CANCEL);
        seen.cancelled++;
        return closed;
      }),
    );
  }
  for (let i = 0; i < LATER_CALLS && !session.closed && !session.destroyed; i++) {
    if (await answered(session, authority)) seen.answered++;
  }
  seen.ended = session.destroyed || session.closed;
  session.destroy();
  return seen;
}

function open(session: ClientHttp2Session, authority: string): ReturnType<ClientHttp2Session["request"]> {
  const stream = session.request(
    {
      ":method": "POST",
      ":path": "/echo.Echo/Unary",
      ":authority": authority,
      "content-type": "application/grpc",
      te: "trailers",
    },
    { endStream: false },
  );
  stream.on("error", () => {});
  return stream;
}

function answered(session: ClientHttp2Session, authority: string): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = open(session, authority);
    let status = "";
    stream.on("trailers", (trailers) => {
      status = String(trailers["grpc-status"]);
    });
    stream.on("close", () => resolve(status === "0"));
    stream.resume();
    stream.end(Buffer.alloc(5));
  });
}
