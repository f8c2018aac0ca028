import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { describe, it } from "node:test";
import type { SpliceTarget } from "../../src/demo/connection-splice.ts";
import { ConnectionSplice } from "../../src/demo/connection-splice.ts";
import { connectionsPerBackend, Placement } from "../../src/demo/placement.ts";

describe("placement", () => {
  it("is the same for the same seed and another one for another", () => {
    assert.deepEqual(connectionsPerBackend(1, 20, 6), connectionsPerBackend(1, 20, 6));
    assert.notDeepEqual(connectionsPerBackend(1, 20, 6), connectionsPerBackend(2, 20, 6));
  });

  it("places every connection, and all backends alike over many seeds", () => {
    const sums = [0, 0, 0, 0, 0, 0];
    for (let seed = 0; seed < 3000; seed++) {
      const counts = connectionsPerBackend(seed, 20, 6);
      assert.equal(
        counts.reduce((sum, count) => sum + count),
        20,
      );
      counts.forEach((count, index) => {
        sums[index]! += count;
      });
    }
    for (const sum of sums) assert.ok(Math.abs(sum / 10_000 - 1) < 0.05, String(sums));
  });
});

describe("ConnectionSplice", () => {
  it("carries octets both ways to the backend that was drawn, and lets go of closed connections", async () => {
    const targets: SpliceTarget[] = [];
    const servers = [];
    for (const name of ["a1", "a2", "b1"]) {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.on("data", (octets) => socket.write(`${name}:${octets.toString()}`));
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      servers.push(server);
      targets.push({ name, port: (server.address() as AddressInfo).port });
    }
    const splice = new ConnectionSplice(new Placement(4));
    splice.setTargets(targets);
    const port = await splice.listen();
    const answers: string[] = [];
    const sockets = [];
    for (let index = 0; index < 5; index++) {
      const socket = connect(port, "127.0.0.1");
      socket.write("hi");
      const [octets] = (await once(socket, "data")) as [Buffer];
      answers.push(octets.toString());
      sockets.push(socket);
    }
    const placement = new Placement(4);
    assert.deepEqual(
      answers,
      answers.map(() => `${targets[placement.next(3)]!.name}:hi`),
    );
    assert.equal(
      [...splice.connections().values()].reduce((sum, count) => sum + count),
      5,
    );
    for (const socket of sockets) {
      socket.destroy();
      await once(socket, "close");
    }
    while (splice.connections().size > 0) await new Promise((resolve) => setImmediate(resolve));
    splice.close();
    for (const server of servers) server.close();
  });
});
