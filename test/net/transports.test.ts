import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTcpServer, Server } from "node:net";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Slab } from "../../src/base/slab.ts";
import { selfTestOnread } from "../../src/net/onread-self-test.ts";
import type { Transport, TransportOwner } from "../../src/net/transport.ts";
import { TransportDuplex } from "../../src/net/transport-duplex.ts";
import { until } from "../proxy/fixture/until.ts";
import type { CarrierName } from "../support/carrier.ts";
import { CARRIER_NAMES, Carrier } from "../support/carrier.ts";
import { firstForeignOctet, keyedBody } from "../support/keyed-body.ts";
import { missingForCarrier } from "../support/missing-for-carrier.ts";

/** Takes what a transport tells, and fails when it is told what it must not be. */
class Listener implements TransportOwner {
  readonly parts: Buffer[] = [];
  transport!: Transport;
  released = 0;
  paused = false;
  ended = false;
  closed: { readonly error: Error | undefined } | undefined;
  onPart: () => void = () => {};
  readonly #carrier: Carrier;

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  get octets(): number {
    return this.parts.reduce((sum, part) => sum + part.length, 0);
  }

  onRead(length: number): void {
    const { area } = this.#carrier;
    assert.ok(!this.paused, "told octets while paused");
    assert.ok(this.closed === undefined && !this.ended, "told octets after the end");
    assert.ok(length > 0 && length <= area.buffer.length, `${length} octets`);
    assert.ok(area.inUse, "somebody else may write here");
    this.parts.push(Buffer.from(area.buffer.subarray(0, length)));
    this.onPart();
  }

  onReleased(): void {
    assert.equal(this.closed, undefined, "told after the end");
    this.released++;
  }

  onConnected(): void {}

  onEnd(): void {
    this.ended = true;
  }

  onClose(error: Error | undefined): void {
    assert.equal(this.closed, undefined, "told twice");
    this.closed = { error };
  }
}

interface Pair {
  readonly slab: Slab;
  readonly carrier: Carrier;
  readonly ours: Listener;
  readonly theirs: Duplex;
}

async function pair(t: TestContext, name: CarrierName): Promise<Pair> {
  const slab = new Slab({ capacityOctets: 16 * 2 ** 20, poison: true });
  const carrier = new Carrier(t, slab, name);
  const ours = new Listener(carrier);
  const accepted = Promise.withResolvers<void>();
  const dial = await carrier.listen((open) => {
    ours.transport = open(ours);
    accepted.resolve();
  });
  const theirs = dial();
  theirs.on("error", () => {});
  await accepted.promise;
  t.after(() => {
    ours.transport.destroy();
    theirs.destroy();
  });
  return { slab, carrier, ours, theirs };
}

for (const name of CARRIER_NAMES) {
  describe(`a transport by ${name}`, { skip: missingForCarrier(name) }, () => {
    test("tells everything in order, in parts that fit the read area, and then the end", async (t) => {
      const { ours, theirs } = await pair(t, name);
      theirs.end(keyedBody(1, 1_000_000));
      await until("the end", () => ours.ended);
      assert.equal(ours.octets, 1_000_000);
      assert.equal(firstForeignOctet(1, Buffer.concat(ours.parts)), -1);
    });

    test("tells nothing while it is paused, from within the telling too, and holds the peer up", async (t) => {
      const { ours, theirs } = await pair(t, name);
      ours.onPart = () => {
        ours.paused = true;
        ours.transport.pause();
      };
      const TOTAL = 20_000_000;
      let taken = 0;
      void (async () => {
        for (; taken < TOTAL; taken += 100_000) {
          if (!theirs.write(keyedBody(2, 100_000, taken))) await once(theirs, "drain");
        }
        theirs.end();
      })().catch(() => {});
      await until("something came", () => ours.octets > 0);
      await sleep(100);
      assert.ok(ours.octets <= 65_536, `${ours.octets} octets`);
      assert.ok(taken < TOTAL, "the peer was not held up");
      while (!ours.ended && ours.octets < 2_000_000) {
        const seen = ours.parts.length;
        ours.paused = false;
        ours.transport.resume();
        await until("another part", () => ours.parts.length > seen || ours.ended);
      }
      assert.equal(firstForeignOctet(2, Buffer.concat(ours.parts)), -1);
    });

    test("gives a block back when it has left, and not while the peer does not read", async (t) => {
      const { slab, ours, theirs } = await pair(t, name);
      theirs.pause();
      const blocks: number[] = [];
      let kept = 0;
      let sent = 0;
      const write = (): void => {
        const block = slab.alloc(65_536);
        keyedBody(3, 65_536, sent).copy(slab.bytes, block);
        sent += 65_536;
        if (ours.transport.write(block, 65_536)) slab.free(block);
        else {
          kept++;
          blocks.push(block);
        }
      };
      for (let i = 0; i < 150; i++) {
        write();
        await new Promise((resolve) => setImmediate(resolve));
        while (ours.released > kept - blocks.length) slab.free(blocks.shift()!);
      }
      assert.ok(blocks.length > 0, "10 MB left although nobody reads");
      const parts: Buffer[] = [];
      theirs.on("data", (part: Buffer) => parts.push(part));
      theirs.resume();
      let got = 0;
      await until("all has left", () => {
        while (ours.released > kept - blocks.length) slab.free(blocks.shift()!);
        return blocks.length === 0;
      });
      ours.transport.end(1000);
      await once(theirs, "end");
      for (const part of parts) {
        assert.equal(firstForeignOctet(3, part, got), -1);
        got += part.length;
      }
      assert.equal(got, sent);
    });

    test("tells the owner that adopts it in the middle of a chunk the rest", async (t) => {
      const { carrier, ours, theirs } = await pair(t, name);
      const heir = new Listener(carrier);
      ours.onPart = () => ours.transport.adopt(heir);
      theirs.end(keyedBody(4, 300_000));
      await until("the end", () => heir.ended);
      assert.equal(ours.parts.length, 1);
      assert.equal(firstForeignOctet(4, Buffer.concat([...ours.parts, ...heir.parts])), -1);
      assert.equal(ours.octets + heir.octets, 300_000);
    });

    test("tells its end once, and nothing after it, when it is closed with octets both ways", async (t) => {
      const { slab, ours, theirs } = await pair(t, name);
      theirs.pause();
      theirs.write(keyedBody(5, 500_000));
      for (let i = 0; i < 100; i++) ours.transport.write(slab.alloc(65_536), 65_536);
      await until("something came", () => ours.octets > 0);
      ours.transport.destroy();
      assert.equal(ours.transport.open, false);
      assert.equal(ours.closed, undefined, "not from within the call");
      await until("the end", () => ours.closed !== undefined);
      await sleep(20);
    });

    test("serves as a stream: node:http answers over it, with octets that came before it was handed over", async (t) => {
      const { slab, carrier, ours, theirs } = await pair(t, name);
      const server = createServer((incoming, answer) => {
        const parts: Buffer[] = [];
        incoming.on("data", (part: Buffer) => parts.push(part));
        incoming.on("end", () => answer.end(Buffer.concat(parts)));
      });
      ours.onPart = () => {
        const duplex = new TransportDuplex(slab, carrier.area, ours.transport);
        server.emit("connection", duplex as unknown as Socket);
        duplex.onRead(ours.octets);
      };
      const idle = slab.usedOctets;
      const sent = keyedBody(6, 2_000_000);
      const call = request({ method: "POST", createConnection: () => theirs as Socket });
      call.end(sent);
      const [answer] = await once(call, "response");
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part as Buffer);
      assert.ok(Buffer.concat(parts).equals(sent));
      assert.equal(slab.usedOctets, idle, "blocks held");
    });
  });
}

test("the self-test at the start finds that onread works here, in well under a second", async () => {
  const start = performance.now();
  assert.deepEqual(await selfTestOnread(), { reads: "onread", reason: "" });
  assert.ok(performance.now() - start < 900);
});

test("the self-test says so where a socket's handle is not where it was", async (t) => {
  const { emit } = Server.prototype;
  const handles: { close(): void }[] = [];
  Server.prototype.emit = function emitWithoutHandle(event: string, ...args: unknown[]) {
    if (event === "connection") {
      const socket = args[0] as { _handle?: { close(): void } };
      handles.push(socket._handle!);
      Object.defineProperty(socket, "_handle", { value: undefined, writable: true });
    }
    return emit.call(this, event, ...args);
  };
  t.after(() => {
    Server.prototype.emit = emit;
    for (const handle of handles) handle.close();
  });
  const { reads, reason } = await selfTestOnread([500, 500]);
  assert.equal(reads, "data");
  assert.notEqual(reason, "");
});

test("a self-test without an answer is tried again, and only when none comes at all is onread given up", async (t) => {
  const { emit } = Server.prototype;
  const lost: Socket[] = [];
  let toLose = 1;
  // What a loop that stands still makes of a connection: nobody hears of it in time.
  Server.prototype.emit = function emitLate(event: string, ...args: unknown[]) {
    if (event !== "connection" || lost.length >= toLose) return emit.call(this, event, ...args);
    lost.push(args[0] as Socket);
    return true;
  };
  t.after(() => {
    Server.prototype.emit = emit;
    for (const socket of lost) socket.destroy();
  });
  assert.deepEqual(await selfTestOnread([100, 5000]), { reads: "onread", reason: "" });
  toLose = Number.POSITIVE_INFINITY;
  assert.deepEqual(await selfTestOnread([20, 40, 60]), { reads: "data", reason: "no answer within 60 ms" });
  assert.equal(lost.length, 4);
});

test("a TCP peer that vanishes without a word is told as an error", async (t) => {
  const slab = new Slab({ capacityOctets: 2 ** 20, poison: true });
  const carrier = new Carrier(t, slab, "data");
  const server = createTcpServer((socket) => socket.resetAndDestroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const ours = new Listener(carrier);
  ours.transport = carrier.dial((server.address() as AddressInfo).port)(ours);
  await until("the end", () => ours.closed !== undefined);
  assert.match(String(ours.closed!.error), /ECONNRESET/);
});
