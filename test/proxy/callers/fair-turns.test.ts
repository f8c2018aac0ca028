import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { ECHO, LocalProxy } from "../fixture/local-proxy.ts";
import { Flag, frame, literal, Type } from "../fixture/raw-backend.ts";
import { until } from "../fixture/until.ts";
import { callingPod } from "./fixture/calling-pod.ts";

const ANY_IP = { ipv4: "127.18.0.0/16", ipv6: "fd00:77::/64" };
const SERVICE = "127.18.0.1";
const [FLOODING, QUIET] = ["127.0.1.5", "127.0.1.6"];
/** Connections of the pod that floods. */
const FLOODS = 8;
/** Requests on each connection. The service has no endpoint, so that the proxy answers each itself. */
const REQUESTS = 6_000;
const LIMIT_MS = 10_000;
/** `:method POST`, `:scheme http` and `:path /` by the static table. */
const REQUEST = Buffer.concat([Buffer.from([0x83, 0x86, 0x84]), literal(":authority", ECHO)]);
const PREFACE = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(Type.settings, 0, 0)]);
const FLOOD = Buffer.concat([
  PREFACE,
  ...Array.from({ length: REQUESTS }, (_, i) =>
    frame(Type.headers, Flag.endHeaders | Flag.endStream, 2 * i + 1, REQUEST),
  ),
]);

for (const [room, slabOctets] of [
  ["what waits is kept", 64 * 2 ** 20],
  ["there is hardly room for what waits", 5 * 2 ** 20],
] as const)
  describe(`two namespaces that ask for more than the proxy can do, where ${room}`, () => {
    let proxy: LocalProxy;
    const sockets: Socket[] = [];

    beforeEach(async () => {
      sockets.length = 0;
      proxy = await LocalProxy.start({ anyIp: ANY_IP, slabOctets });
      proxy.apply([], { name: ECHO });
      proxy.dataPlane.reception.applyServices({ added: [{ number: 1, service: ECHO }], removed: [] });
      proxy.applyCallers([callingPod("u1", "greedy", FLOODING), callingPod("u2", "modest", QUIET)]);
    });
    afterEach(async () => {
      for (const socket of sockets) socket.destroy();
      await proxy.close();
    });

    /** @returns requests of a namespace that were answered. */
    const answered = (namespace: string): number =>
      Object.entries(proxy.bySource(ECHO)).reduce(
        (sum, [key, count]) => (key.startsWith(`${namespace} `) ? sum + count : sum),
        0,
      );

    async function open(localAddress: string): Promise<Socket> {
      const socket = connect({ host: SERVICE, port: proxy.port, localAddress });
      sockets.push(socket);
      socket.on("error", () => {});
      socket.resume();
      await once(socket, "connect");
      return socket;
    }

    it("have half of it each, although one of them has eight times the connections", async () => {
      const floods = await Promise.all(Array.from({ length: FLOODS }, () => open(FLOODING)));
      const quiet = await open(QUIET);
      for (const each of floods) each.write(FLOOD);
      await until("the flood has begun", () => answered("greedy") > 500);
      quiet.write(FLOOD);
      await until("both are served", () => answered("modest") > 0);
      const [theirs, ours] = [answered("greedy"), answered("modest")];
      assert.ok(theirs < FLOODS * REQUESTS - 2 * REQUESTS, "the flood is over too early to tell");
      const limitMs = performance.now() + LIMIT_MS;
      while (answered("modest") < REQUESTS && performance.now() < limitMs) await turn();
      const gotOurs = answered("modest") - ours;
      const gotTheirs = answered("greedy") - theirs;
      console.log(`${gotOurs} requests of one namespace, ${gotTheirs} of the other`);
      assert.ok(gotOurs >= (0.9 * (gotOurs + gotTheirs)) / 2, `${gotOurs} and ${gotTheirs}`);
      await until("all is answered", () => answered("greedy") === FLOODS * REQUESTS, { limitMs: LIMIT_MS });
    });

    it("get all they ask for when the other asks for little", async () => {
      const floods = await Promise.all(Array.from({ length: FLOODS }, () => open(FLOODING)));
      const quiet = await open(QUIET);
      quiet.write(PREFACE);
      for (const each of floods) each.write(FLOOD);
      const counts: number[] = [];
      for (let i = 0; i < 20 && answered("greedy") < FLOODS * REQUESTS; i++) {
        quiet.write(frame(Type.headers, Flag.endHeaders | Flag.endStream, 2 * i + 1, REQUEST));
        await until("answered", () => answered("modest") === i + 1, { limitMs: 5_000 });
        counts.push(answered("greedy"));
      }
      assert.ok(counts.length > 3, `only ${counts.length} calls were made beside the flood`);
      await until("all is answered", () => answered("greedy") === FLOODS * REQUESTS, { limitMs: LIMIT_MS });
    });
  });
