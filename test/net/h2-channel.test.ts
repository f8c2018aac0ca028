import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CARRIER_NAMES } from "../support/carrier.ts";
import { ChannelRig } from "../support/channel-rig.ts";
import { frame, headers, PREFACE, ping, readFrames, settings } from "../support/frames.ts";
import { literalBlock, REQUEST } from "../support/literal-block.ts";
import { missingForCarrier } from "../support/missing-for-carrier.ts";

const START = Buffer.concat([PREFACE, settings()]);

for (const carrier of CARRIER_NAMES) {
  describe(`carried by ${carrier}`, { skip: missingForCarrier(carrier) }, () => {
    test("thousands of frames in one read are taken in shares, all of them, in order", async (t) => {
      const rig = new ChannelRig(t, carrier);
      const socket = (await rig.listen(() => {}))();
      const pings = Array.from({ length: 1900 }, (_, n) => ping(String(n)));
      socket.write(Buffer.concat([START, ...pings]));
      const acks: string[] = [];
      let rest = Buffer.alloc(0);
      for await (const part of socket) {
        rest = Buffer.concat([rest, part as Buffer]);
        const whole = wholeFrames(rest);
        for (const { text } of readFrames(rest.subarray(0, whole)))
          if (text.startsWith("PING")) acks.push(text);
        rest = rest.subarray(whole);
        if (acks.length === pings.length) break;
      }
      assert.deepEqual(
        acks,
        pings.map((_, n) => `PING ACK ${n}`),
      );
    });

    test("a peer that floods and never reads is closed all the same", async (t) => {
      const rig = new ChannelRig(t, carrier);
      const socket = (await rig.listen(() => {}))();
      socket.on("error", () => {});
      socket.pause();
      socket.write(Buffer.concat([START, ...Array.from({ length: 5000 }, () => ping("flood"))]));
      const { gone, sink } = await accepted(rig);
      await gone;
      assert.ok(
        sink.lines.some((line) => line.includes("ENHANCE_YOUR_CALM")),
        sink.lines.join(),
      );
      socket.destroy();
    });

    test("octets that arrive one by one mean the same", async (t) => {
      const rig = new ChannelRig(t, carrier);
      const socket = (await rig.listen(() => {}))();
      const octets = Buffer.concat([START, headers(1, literalBlock(REQUEST), { end: true })]);
      for (const octet of octets) {
        socket.write(Buffer.of(octet));
        await new Promise((resolve) => setImmediate(resolve));
      }
      const { sink } = await accepted(rig);
      while (sink.lines.length < 2) await sleep(2);
      assert.deepEqual(sink.lines, ["settings", "headers 1 request end"]);
      socket.destroy();
      await rig.accepted[0]!.gone;
      assert.deepEqual(sink.lines.slice(2), ["reset 1 CANCEL connectionLost", "closed 1"]);
    });

    test("a peer that breaks a rule reads why before the connection ends, whatever it still sends", async (t) => {
      const rig = new ChannelRig(t, carrier);
      const socket = (await rig.listen(() => {}))();
      socket.write(Buffer.concat([START, frame("PING", 0, 0, Buffer.alloc(7)), Buffer.alloc(300_000, 1)]));
      const parts: Buffer[] = [];
      for await (const part of socket) parts.push(part as Buffer);
      assert.equal(readFrames(Buffer.concat(parts)).at(-1)!.text, "GOAWAY 0 FRAME_SIZE_ERROR");
      socket.destroy();
      await rig.accepted[0]!.gone;
    });

    // A pipe in memory has two ends.
    if (carrier === "duplex") return;
    test("a connection that nobody listens for is gone with the reason", async (t) => {
      const rig = new ChannelRig(t, carrier);
      const { gone } = rig.connect(1);
      assert.match(String(await gone), /ECONNREFUSED/);
    });
  });
}

test("a peer that makes us answer and does not read is given up when too much waits for it", async (t) => {
  const rig = new ChannelRig(t, "duplex", { maxBacklogOctets: 8192 });
  const socket = (await rig.listen(() => {}))();
  socket.on("error", () => {});
  socket.pause();
  socket.write(Buffer.concat([START, ...Array.from({ length: 1500 }, () => ping("x"))]));
  const { gone, sink } = await accepted(rig);
  await gone;
  assert.deepEqual(sink.lines, ["settings"]);
});

async function accepted(rig: ChannelRig): Promise<ChannelRig["accepted"][number]> {
  while (rig.accepted.length === 0) await sleep(2);
  return rig.accepted[0]!;
}

/** @returns octets of whole frames at the start. */
function wholeFrames(octets: Buffer): number {
  let at = 0;
  while (octets.length - at >= 9 && octets.length - at >= 9 + octets.readUIntBE(at, 3)) {
    at += 9 + octets.readUIntBE(at, 3);
  }
  return at;
}
