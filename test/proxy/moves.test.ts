import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { freePort } from "../support/free-port.ts";
import { ClosingPeer } from "./fixture/closing-peer.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import type { RawStream, Script } from "./fixture/raw-backend.ts";
import { Flag, frame, RawBackend, RESPONSE_HEADERS, Type } from "./fixture/raw-backend.ts";
import type { RawAnswer } from "./fixture/raw-client.ts";
import { answerOf, RawClient } from "./fixture/raw-client.ts";

/** Octets of body the endpoint has had when it happens. */
const SENT = [0, 100, 65_536, 204_800];
/** What the client sends after it has happened. */
const TAIL = 1000;
const REPLAY_OCTETS = 65_536;

interface Event {
  readonly name: string;
  /** Whether the endpoint certainly did not process the stream. */
  readonly moves: boolean;
  /** The status told when it does not move. */
  readonly status: number;
  /** Happens to a connection before it takes streams. */
  readonly connection?: Script["onConnection"];
  readonly stream?: (stream: RawStream) => void;
}

const EVENTS: readonly Event[] = [
  { name: "connect refused", moves: true, status: 14 },
  {
    name: "closed before SETTINGS",
    moves: true,
    status: 14,
    connection: ({ socket }) => {
      socket.destroy();
      return false;
    },
  },
  {
    name: "not HTTP/2",
    moves: true,
    status: 14,
    connection: ({ socket }) => {
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      return false;
    },
  },
  {
    name: "RST_STREAM REFUSED_STREAM",
    moves: true,
    status: 14,
    stream: ({ connection, id }) => connection.reset(id, 7),
  },
  {
    name: "GOAWAY below",
    moves: true,
    status: 14,
    stream: ({ connection, id }) => connection.goaway(Math.max(0, id - 2)),
  },
  {
    name: "GOAWAY below, then closed",
    moves: true,
    status: 14,
    stream: ({ connection, id }) => {
      connection.goaway(Math.max(0, id - 2));
      connection.socket.end();
    },
  },
  {
    name: "GOAWAY at its id, then closed",
    moves: false,
    status: 14,
    stream: ({ connection, id }) => {
      connection.goaway(id);
      connection.socket.end();
    },
  },
  {
    name: "connection lost",
    moves: false,
    status: 14,
    stream: ({ connection }) => connection.socket.destroy(),
  },
  {
    name: "connection reset",
    moves: false,
    status: 14,
    stream: ({ connection }) => connection.socket.resetAndDestroy(),
  },
  {
    name: "RST_STREAM INTERNAL_ERROR",
    moves: false,
    status: 13,
    stream: ({ connection, id }) => connection.reset(id, 2),
  },
  {
    name: "RST_STREAM REFUSED_STREAM after response HEADERS",
    moves: false,
    status: 14,
    stream: ({ connection, id }) => {
      connection.send(frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS));
      connection.reset(id, 7);
    },
  },
];

/** Where one cell of the table is played. */
class Cell {
  readonly proxy: LocalProxy;
  readonly client: RawClient;
  readonly happened = Promise.withResolvers<void>();
  executions = 0;
  body: Buffer = Buffer.alloc(0);
  readonly #stops: (() => void)[] = [];

  constructor(proxy: LocalProxy, client: RawClient) {
    this.proxy = proxy;
    this.client = client;
  }

  /** Endpoints that misbehave first in the order of picks, and the good one, whose SETTINGS take their time. */
  async play(event: Event, sent: number, name: string): Promise<RawAnswer> {
    const bad = await this.#bad(event, sent);
    const good = await RawBackend.start({
      onConnection: (connection) => {
        setTimeout(() => connection.start(), 20);
        return false;
      },
      onRequest: ({ connection, id, body }) => {
        this.executions++;
        this.body = body;
        connection.answer(id);
      },
    });
    this.#stops.push(() => good.stop());
    this.proxy.apply([{ port: bad, weight: 60_000 }, good.port], {
      name,
      settings: clusterSettings({ loadBalancing: { policy: "random" } }),
    });
    const stream = this.client.open({ ":authority": name });
    const answer = answerOf(stream);
    const body = randomBytes(sent + TAIL);
    if (sent > 0) stream.write(body.subarray(0, sent));
    await this.happened.promise;
    stream.end(body.subarray(sent));
    const told = await answer;
    if (this.executions > 0) assert.ok(this.body.equals(body), "the body is intact");
    for (const stop of this.#stops) stop();
    this.proxy.remove(name);
    return told;
  }

  async #bad(event: Event, sent: number): Promise<number> {
    if (event.connection === undefined && event.stream === undefined) {
      this.happened.resolve();
      return freePort();
    }
    const happen = (stream: RawStream): void => {
      if (stream.body.length < sent) return;
      event.stream?.(stream);
      this.happened.resolve();
    };
    const backend = await RawBackend.start({
      onConnection: (connection) => {
        if (event.connection !== undefined) this.happened.resolve();
        return event.connection?.(connection);
      },
      onHeaders: happen,
      onData: happen,
    });
    this.#stops.push(() => backend.stop());
    return backend.port;
  }
}

describe("moves to another endpoint", () => {
  let proxy: LocalProxy;
  let client: RawClient;

  before(async () => {
    proxy = await LocalProxy.start();
    client = new RawClient(proxy.port);
  });
  after(async () => {
    client.close();
    await proxy.close();
  });

  for (const event of EVENTS) {
    for (const sent of event.stream === undefined ? [0] : SENT) {
      const moves = event.moves && sent <= REPLAY_OCTETS;
      it(`${event.name}, ${sent} octets sent: ${moves ? "moves" : "does not move"}`, async () => {
        const name = `${event.name}-${sent}`.replaceAll(/[^a-z0-9]/gi, "-");
        const cell = new Cell(proxy, client);
        const { status } = await cell.play(event, sent, name);
        const row = proxy.row(name);
        const retries = row.slice(ClusterColumn.retries, ClusterColumn.retries + 4);
        assert.equal(cell.executions, moves ? 1 : 0);
        assert.equal(status, moves ? 0 : event.status);
        assert.equal(
          retries.reduce((sum, each) => sum + each),
          moves ? 1 : 0,
        );
      });
    }
  }

  it("are three at most, each to an endpoint that was not tried", async () => {
    const tried: number[] = [];
    const backends = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        RawBackend.start({
          onHeaders: ({ connection, id }) => {
            tried.push(i);
            connection.reset(id, 7);
          },
        }),
      ),
    );
    proxy.apply(
      backends.map(({ port }) => port),
      { name: "refusing:1" },
    );
    const { status } = await client.call(Buffer.from("x"), { ":authority": "refusing:1" });
    assert.equal(status, 14);
    assert.equal(tried.length, 4);
    assert.equal(new Set(tried).size, 4);
    for (const backend of backends) backend.stop();
    proxy.remove("refusing:1");
  });

  it("keep to the budget: a fifth of the requests, and ten a second saved up for ten seconds", async () => {
    let attempts = 0;
    const refuse: Script = {
      onHeaders: ({ connection, id }) => {
        attempts++;
        connection.reset(id, 7);
      },
    };
    const backends = await Promise.all([RawBackend.start(refuse), RawBackend.start(refuse)]);
    proxy.apply(
      backends.map(({ port }) => port),
      { name: "storm:1" },
    );
    const started = performance.now();
    const requests = 500;
    for (let i = 0; i < requests; i += 50) {
      await Promise.all(
        Array.from({ length: 50 }, () => client.call(Buffer.alloc(0), { ":authority": "storm:1" })),
      );
    }
    const seconds = (performance.now() - started) / 1000;
    const moves = attempts - requests;
    assert.ok(moves >= 190, `${moves} moves`);
    assert.ok(moves <= 100 + requests / 5 + Math.ceil(10 * seconds), `${moves} moves in ${seconds} s`);
    for (const backend of backends) backend.stop();
    proxy.remove("storm:1");
  });

  for (const kind of ["end", "reset"] as const) {
    it(`are not needed when a connection is known to be gone (${kind}) before the request is picked for`, async () => {
      const peer = await ClosingPeer.start();
      proxy.apply([peer.port], { name: "closing:1" });
      for (let i = 0; i < 5; i++) assert.equal(await peer.round(proxy.port, "closing:1", kind), 0);
      await peer.stop();
      proxy.remove("closing:1");
    });
  }
});
