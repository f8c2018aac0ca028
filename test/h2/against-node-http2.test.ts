import assert from "node:assert/strict";
import { once } from "node:events";
import type {
  ClientHttp2Session,
  Http2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Stream,
} from "node:http2";
import { connect, constants, createServer } from "node:http2";
import type { Duplex } from "node:stream";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { Role } from "../../src/h2/connection-state.ts";
import { BlockKind } from "../../src/h2/hpack/block-kind.ts";
import { firstForeignOctet, keyedBody } from "../support/keyed-body.ts";
import { REQUEST, RESPONSE } from "../support/literal-block.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import { TestEngine } from "../support/test-engine.ts";

const SEEDS = 12;
const STREAMS = 20;
const LIMIT_MS = 20_000;

type FieldMap = Record<string, string>;

/** One stream: what each side says, made from the seed on both ends. */
interface Exchange {
  readonly requestFields: FieldMap;
  readonly responseFields: FieldMap;
  readonly trailers: FieldMap;
  readonly informational: FieldMap | undefined;
  readonly requestOctets: number;
  readonly responseOctets: number;
}

function pick<T>(random: SeededRandom, list: readonly T[]): T {
  return list[random.nextInt(list.length)]!;
}

/** Fields that come again and fields that do not, short and long, so that tables fill, evict and are used. */
function randomFields(random: SeededRandom): FieldMap {
  const fields: FieldMap = {};
  for (let left = random.nextInt(12); left > 0; left--) {
    const name = `x-${pick(random, ["a", "trace-id", "user", "some.long_name-of-a-field", "z"])}-${random.nextInt(pick(random, [2, 500]))}`;
    const unit = pick(random, ["v", "Value ", "\xe9", "%20", "\x7e"]);
    const value = unit.repeat(random.nextInt(pick(random, [3, 40, 400])));
    fields[name] = `${value}${random.nextInt(pick(random, [2, 1000]))}`;
  }
  return fields;
}

function randomExchange(random: SeededRandom): Exchange {
  const octets = (): number => random.nextInt(pick(random, [1, 10, 3000, 100_000]));
  return {
    requestFields: randomFields(random),
    responseFields: randomFields(random),
    trailers: { "grpc-status": "0", ...randomFields(random) },
    informational: random.nextFloat() < 0.2 ? { ":status": "103", ...randomFields(random) } : undefined,
    requestOctets: octets(),
    responseOctets: octets(),
  };
}

/** node's options for one session: windows, tables, frame sizes and padding of all kinds. */
function randomOptions(random: SeededRandom): object {
  const { PADDING_STRATEGY_NONE, PADDING_STRATEGY_MAX, PADDING_STRATEGY_CALLBACK } = constants;
  return {
    paddingStrategy: pick(random, [PADDING_STRATEGY_NONE, PADDING_STRATEGY_MAX, PADDING_STRATEGY_CALLBACK]),
    maxSendHeaderBlockLength: 100_000,
    maxDeflateDynamicTableSize: pick(random, [0, 200, 4096, 65_536]),
    settings: {
      headerTableSize: pick(random, [0, 100, 4096, 65_536]),
      initialWindowSize: pick(random, [1000, 65_535, 2 ** 20]),
      maxFrameSize: pick(random, [16_384, 100_000]),
    },
  };
}

/** Ties a connection of ours to a stream of octets, cut into random pieces on both ways. */
class Tie {
  readonly #peer: ScriptedPeer;
  readonly #far: Duplex;
  readonly #random: SeededRandom;

  constructor(peer: ScriptedPeer, far: Duplex, random: SeededRandom) {
    this.#peer = peer;
    this.#far = far;
    this.#random = random;
    far.on("data", (octets: Buffer) => {
      for (const piece of this.#pieces(octets)) peer.receive(piece);
      this.flush();
    });
    far.on("error", () => {});
    this.flush();
  }

  /** Sends what our side has said. */
  flush(): void {
    this.#peer.output.flush();
    for (const piece of this.#pieces(this.#peer.port.take())) this.#far.write(piece);
  }

  *#pieces(octets: Buffer): Generator<Buffer> {
    const most = pick(this.#random, [1 + this.#random.nextInt(30), 3000, 100_000]);
    for (let at = 0; at < octets.length; ) {
      const next = at + 1 + this.#random.nextInt(most);
      yield octets.subarray(at, next);
      at = next;
    }
  }
}

/** Sends a keyed body of ours in random parts; the engine queues what windows do not take. */
function sendBody(peer: ScriptedPeer, id: number, octets: number, ends: boolean, random: SeededRandom): void {
  let at = 0;
  do {
    const part = Math.min(octets - at, 1 + random.nextInt(40_000));
    const last = at + part === octets;
    if (part > 0 || (last && ends)) peer.data(id, keyedBody(id, part, at), last && ends);
    at += part;
  } while (at < octets);
}

function assertFields(got: IncomingHttpHeaders | FieldMap | undefined, wanted: FieldMap, what: string): void {
  for (const [name, value] of Object.entries(wanted)) {
    if (!name.startsWith(":")) assert.equal(got?.[name], value, `${what}: ${name}`);
  }
}

/** Reads a stream to its end, whenever it comes. @returns the body. */
function bodyOf(stream: Http2Stream): Promise<Buffer> {
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  return new Promise((resolve, reject) => {
    stream.on("end", () => resolve(Buffer.concat(parts)));
    stream.on("error", reject);
    stream.on("aborted", () => reject(new Error(`stream ${stream.id} was aborted`)));
  });
}

function assertBody(body: Buffer, id: number, octets: number): void {
  assert.equal(body.length, octets, `octets of ${id}`);
  assert.equal(firstForeignOctet(id, body), -1, `body of ${id}`);
}

function finish(peer: ScriptedPeer, engine: TestEngine): void {
  assert.equal(peer.connection.state.failed, false, "our side has ended the connection");
  peer.close();
  engine.assertBaseline();
}

/** Our server, node's client. */
async function serve(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const engine = new TestEngine();
  const peer = new ScriptedPeer(Role.server, engine);
  const exchanges = new Map<number, Exchange>();
  const sections = new Map<number, FieldMap>();
  const { sink } = peer;
  sink.on.onHeaders = (slot, kind) => {
    const id = engine.streams.id[slot]!;
    if (kind === BlockKind.request) sections.set(id, sink.fields.get(id)!);
  };
  const answer = (slot: number, endStream: boolean): void => {
    if (!endStream) return;
    const id = engine.streams.id[slot]!;
    const exchange = exchanges.get(id)!;
    assertFields(sections.get(id), exchange.requestFields, `request ${id}`);
    assert.equal(sink.body(id).length, exchange.requestOctets);
    assert.equal(firstForeignOctet(id, sink.body(id)), -1, `request ${id}`);
    if (exchange.informational) peer.headers(id, exchange.informational);
    peer.headers(id, { ...RESPONSE, ...exchange.responseFields });
    sendBody(peer, id, exchange.responseOctets, false, random);
    peer.trailers(id, exchange.trailers);
  };
  const onHeaders = sink.on.onHeaders;
  sink.on.onHeaders = (slot, kind, octets, endStream) => {
    onHeaders(slot, kind, octets, endStream);
    answer(slot, endStream);
  };
  sink.on.onData = (slot, _offset, _length, endStream) => answer(slot, endStream);
  const [near, far] = duplexPair();
  const session: ClientHttp2Session = connect("http://ours", {
    ...randomOptions(random),
    createConnection: () => near,
  });
  const tie = new Tie(peer, far, random);
  const calls = Array.from({ length: STREAMS }, async () => {
    const exchange = randomExchange(random);
    const { ":authority": _, ...request } = REQUEST;
    const withBody = exchange.requestOctets > 0;
    const fields: OutgoingHttpHeaders = { ...request, ...exchange.requestFields };
    const stream = session.request(fields, { endStream: !withBody });
    let informational: IncomingHttpHeaders | undefined;
    let trailers: IncomingHttpHeaders | undefined;
    stream.on("headers", (received) => {
      informational = received;
    });
    stream.on("trailers", (received) => {
      trailers = received;
    });
    const ended = bodyOf(stream);
    if (stream.id === undefined) await once(stream, "ready");
    const id = stream.id!;
    exchanges.set(id, exchange);
    if (withBody) stream.end(keyedBody(id, exchange.requestOctets));
    const [response] = (await once(stream, "response")) as [IncomingHttpHeaders];
    assertBody(await ended, id, exchange.responseOctets);
    assertFields(response, exchange.responseFields, `response ${id}`);
    assertFields(trailers, exchange.trailers, `trailers ${id}`);
    if (exchange.informational) assertFields(informational, exchange.informational, `informational ${id}`);
  });
  await Promise.all(calls);
  tie.flush();
  session.destroy();
  finish(peer, engine);
}

/** Our client, node's server. */
async function ask(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const engine = new TestEngine();
  const peer = new ScriptedPeer(Role.client, engine);
  const { sink } = peer;
  const exchanges = new Map<number, Exchange>();
  const sections = new Map<string, FieldMap>();
  const ended = new Map<number, () => void>();
  sink.on.onHeaders = (slot, kind) => {
    const id = engine.streams.id[slot]!;
    const fields = sink.fields.get(id)!;
    const what =
      kind === BlockKind.trailers ? "trailers" : fields[":status"] === "103" ? "informational" : "response";
    sections.set(`${what} ${id}`, fields);
  };
  sink.on.onClosed = (slot) => ended.get(engine.streams.id[slot]!)?.();
  const server = createServer(randomOptions(random));
  const faults: unknown[] = [];
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const exchange = exchanges.get(stream.id!)!;
    const serveOne = async (): Promise<void> => {
      assertFields(headers, exchange.requestFields, `request ${stream.id}`);
      assertBody(await bodyOf(stream), stream.id!, exchange.requestOctets);
      if (exchange.informational) stream.additionalHeaders(exchange.informational);
      stream.on("wantTrailers", () => stream.sendTrailers(exchange.trailers));
      stream.respond({ ...RESPONSE, ...exchange.responseFields }, { waitForTrailers: true });
      stream.end(keyedBody(stream.id!, exchange.responseOctets));
    };
    serveOne().catch((error: unknown) => {
      faults.push(error);
      stream.destroy();
    });
  });
  const [near, far] = duplexPair();
  server.emit("connection", near);
  const tie = new Tie(peer, far, random);
  await until(() => peer.connection.state.settingsApplied);
  const calls = Array.from({ length: STREAMS }, () => {
    const exchange = randomExchange(random);
    const withBody = exchange.requestOctets > 0;
    const id = peer.open({ ...REQUEST, ...exchange.requestFields }, !withBody);
    exchanges.set(id, exchange);
    if (withBody) sendBody(peer, id, exchange.requestOctets, true, random);
    return new Promise<void>((resolve) => ended.set(id, resolve));
  });
  tie.flush();
  await Promise.all(calls);
  assert.deepEqual(faults, []);
  for (const [id, exchange] of exchanges) {
    assertFields(sections.get(`response ${id}`), exchange.responseFields, `response ${id}`);
    assertFields(sections.get(`trailers ${id}`), exchange.trailers, `trailers ${id}`);
    if (exchange.informational) {
      assertFields(sections.get(`informational ${id}`), exchange.informational, `informational ${id}`);
    }
    assert.equal(sink.body(id).length, exchange.responseOctets, `octets of ${id}`);
    assert.equal(firstForeignOctet(id, sink.body(id)), -1, `response ${id}`);
  }
  near.destroy();
  finish(peer, engine);
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(setImmediate);
}

for (const [name, session] of [
  ["our server understands node:http2's client, and is understood", serve],
  ["our client understands node:http2's server, and is understood", ask],
] as const) {
  test(`${name}, in ${SEEDS} random sessions`, { timeout: SEEDS * LIMIT_MS }, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        await session(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      }
    }
  });
}
