import assert from "node:assert/strict";
import { once } from "node:events";
import type { ClientHttp2Session, ClientHttp2Stream, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import { describe, test } from "node:test";
import { BlockKind } from "../../src/h2/hpack/block-kind.ts";
import { consume } from "../../src/h2/receive-data.ts";
import { resetStream } from "../../src/h2/reset-stream.ts";
import { sendData, sendTrailers, writeHeaders } from "../../src/h2/send.ts";
import { CARRIER_NAMES } from "../support/carrier.ts";
import type { ChannelEnd } from "../support/channel-rig.ts";
import { ChannelRig } from "../support/channel-rig.ts";
import { firstForeignOctet, keyedBody } from "../support/keyed-body.ts";
import { REQUEST, RESPONSE } from "../support/literal-block.ts";
import { missingForCarrier } from "../support/missing-for-carrier.ts";

const STREAMS = 200;
const SIZES = [0, 1, 100, 16_384, 16_385, 65_535, 65_536, 150_000];

/** A few bodies of up to 3 MB among many small ones. */
function sizeOf(n: number): number {
  return n % 50 === 7 ? 1_000_000 + (n % 3) * 1_000_000 : SIZES[n % SIZES.length]!;
}

/** Gives every body back as it comes, then trailers. */
function echo(rig: ChannelRig, { sink }: ChannelEnd): void {
  const { stage } = rig.engine;
  const response = rig.stageFields(stage, RESPONSE);
  const trailersAt = stage + 2048;
  const trailers = rig.stageFields(trailersAt, { "grpc-status": "0", "x-end": "yes" });
  const { state } = sink;
  sink.consumes = false;
  sink.on.onHeaders = (slot, kind, _, endStream) => {
    if (kind === BlockKind.request) writeHeaders(state, slot, stage, response, 0, false);
    if (endStream) sendTrailers(state, slot, trailersAt, trailers, 0);
  };
  sink.on.onData = (slot, offset, length, endStream) => {
    const sent = length > 0 ? sendData(state, slot, offset, length, false) : 0;
    assert.ok(sent >= 0, "given up");
    if (sent > 0) consume(state, slot, sent, true);
    if (endStream) sendTrailers(state, slot, trailersAt, trailers, 0);
  };
  sink.on.onDrained = (slot, octets) =>
    consume(state, slot, octets, rig.engine.streams.queue.octets[slot] === 0);
}

async function write(stream: ClientHttp2Stream, key: number): Promise<void> {
  const size = sizeOf(key);
  for (let at = 0; at < size; at += 100_000) {
    if (!stream.write(keyedBody(key, Math.min(100_000, size - at), at))) await once(stream, "drain");
  }
  stream.end();
}

async function call(client: ClientHttp2Session, key: number): Promise<void> {
  const stream = client.request({ ...REQUEST, "x-key": String(key) });
  const trailers = once(stream, "trailers");
  const size = sizeOf(key);
  const written = write(stream, key);
  let got = 0;
  for await (const part of stream) {
    assert.equal(firstForeignOctet(key, part as Buffer, got), -1, `stream ${key}`);
    got += (part as Buffer).length;
  }
  await written;
  assert.equal(got, size, `stream ${key}`);
  assert.equal((await trailers)[0]["x-end"], "yes");
}

for (const carrier of CARRIER_NAMES) {
  describe(`carried by ${carrier}`, { skip: missingForCarrier(carrier) }, () => {
    test("200 streams at once of node:http2's client get their own bodies back, up to 3 MB", async (t) => {
      const rig = new ChannelRig(t, carrier);
      const client = await rig.serve((end) => echo(rig, end));
      await Promise.all(Array.from({ length: STREAMS }, (_, key) => call(client, key)));
      assert.equal(rig.engine.streams.used, 0);
      client.close();
      await rig.accepted[0]!.gone;
    });

    test("cancels of node:http2's client at any time leave its other streams alone", async (t) => {
      const rig = new ChannelRig(t, carrier);
      const client = await rig.serve((end) => echo(rig, end));
      const cancelled = Array.from({ length: 80 }, (_, n) => {
        const stream = client.request(REQUEST);
        stream.on("error", () => {});
        stream.write(keyedBody(n, 100_000));
        setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), n % 40);
        return once(stream, "close");
      });
      await Promise.all([...cancelled, ...Array.from({ length: 30 }, (_, key) => call(client, key))]);
      client.close();
      await rig.accepted[0]!.gone;
    });

    test("a slow reader of node:http2 slows its own stream only, and loses nothing", async (t) => {
      const rig = new ChannelRig(t, carrier);
      const client = await rig.serve((end) => echo(rig, end));
      const slow = client.request(REQUEST);
      slow.end(keyedBody(77, 2_000_000));
      await once(slow, "response");
      await Promise.all(Array.from({ length: 40 }, (_, key) => call(client, key)));
      let got = 0;
      for await (const part of slow) {
        assert.equal(firstForeignOctet(77, part as Buffer, got), -1);
        got += (part as Buffer).length;
      }
      assert.equal(got, 2_000_000);
      client.close();
      await rig.accepted[0]!.gone;
    });

    test("our client gets its own bodies back from node:http2's server, and resets of both sides stay apart", async (t) => {
      const rig = new ChannelRig(t, carrier);
      const { engine } = rig;
      const end = await rig.connectTo({ settings: { maxConcurrentStreams: 100 } }, (server) =>
        server.on("stream", (stream: ServerHttp2Stream, request) => {
          stream.on("error", () => {});
          if (stream.destroyed) return undefined;
          if (request["x-refuse"]) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
          stream.respond({ ":status": 200 }, { waitForTrailers: true });
          stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
          return stream.pipe(stream);
        }),
      );
      const { sink, channel } = end;
      const { connection } = channel;
      const keys = new Map<number, { key: number; sent: number }>();
      const { promise: done, resolve } = Promise.withResolvers<void>();
      let next = 0;
      let ended = 0;

      const send = (id: number, slot: number): void => {
        const { state } = connection;
        const body = keys.get(id)!;
        while (engine.streams.id[slot] === id && engine.streams.queue.octets[slot] === 0) {
          const rest = sizeOf(body.key) - body.sent;
          const part = Math.min(rest, 100_000);
          keyedBody(body.key, part, body.sent).copy(engine.slab.bytes, engine.stage);
          body.sent += part;
          sendData(state, slot, engine.stage, part, part === rest);
          if (part === rest) return;
        }
      };
      const open = (): void => {
        // A stream that was reset counts for node:http2 a little longer than for us: stay well below its limit.
        while (next < STREAMS && connection.capacity > 40) {
          const key = next++;
          const refuse = key % 20 === 3 ? { "x-refuse": "1" } : {};
          const octets = rig.stageFields(engine.stage, { ...REQUEST, ...refuse });
          const slot = connection.open(engine.stage, octets, 0, false);
          const id = engine.streams.id[slot]!;
          sink.opened(id, slot);
          keys.set(id, { key, sent: 0 });
          if (key % 20 === 5) resetStream(connection.state, slot, 8);
          else send(id, slot);
        }
      };
      sink.on.onSettings = open;
      sink.on.onDrained = (slot) => {
        const id = engine.streams.id[slot]!;
        const body = keys.get(id)!;
        if (body.sent < sizeOf(body.key)) send(id, slot);
      };
      sink.on.onClosed = () => {
        if (++ended === STREAMS) resolve();
        else setImmediate(open);
      };
      await done;
      for (const [id, { key }] of keys) {
        assert.equal(firstForeignOctet(key, sink.body(id)), -1);
        if (key % 20 === 3 || key % 20 === 5) continue;
        assert.equal(sink.body(id).length, sizeOf(key), `stream ${id}`);
        assert.equal(sink.fields.get(id)!["grpc-status"], "0");
      }
      assert.equal(sink.lines.filter((line) => line.includes("REFUSED_STREAM peer")).length, STREAMS / 20);
      channel.end();
      await end.gone;
    });
  });
}
