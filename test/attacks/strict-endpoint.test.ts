import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { AttackReport } from "./attacker/attack.ts";
import { STRICT } from "./clusters.ts";
import { Innocent } from "./harness/innocent.ts";
import { IpcProgram, LineProgram } from "./harness/pinned.ts";
import { buildGo, missingGo, missingTools, OTHER_CORE } from "./harness/programs.ts";
import { AttackedProxy } from "./harness/proxy.ts";

const ATTACK = "header-list-above-endpoint's";
const LIMIT = { timeout: 90_000 } as const;
const ATTACK_MS = 4_000;
const ATTACKER = fileURLToPath(new URL("attacker/attacker-process.ts", import.meta.url));

interface Connections {
  readonly begun: number;
  readonly ended: number;
}

const missing = missingTools() || missingGo();

describe("a grpc-go endpoint that takes 8 KiB of headers", { skip: missing === "" ? false : missing }, () => {
  it("ends the connection of who sends it 30 KB", LIMIT, async () => {
    const endpoint = new LineProgram(OTHER_CORE, buildGo(), ["endpoint"]);
    const { port } = await endpoint.hear<{ readonly port: number }>();
    const attacker = new IpcProgram(OTHER_CORE, true, ATTACKER);
    try {
      await attacker.hear();
      await attacker.ask({ kind: "start", attack: ATTACK, port, source: "127.0.0.3" });
      await sleep(1_000);
      const { closes } = await attacker.ask<AttackReport>({ kind: "stop" });
      assert.ok(Object.keys(closes).length > 0, "no connection was ended");
    } finally {
      await attacker.stop();
      await endpoint.stop();
    }
  });

  it("is never sent 30 KB, which would make it end the connection others use", LIMIT, async () => {
    const endpoint = new LineProgram(OTHER_CORE, buildGo(), ["endpoint"]);
    const { port } = await endpoint.hear<{ readonly port: number }>();
    const proxy = await AttackedProxy.start([{ name: STRICT, port }]);
    const innocent = new Innocent(proxy.port, STRICT);
    const attacker = new IpcProgram(OTHER_CORE, true, ATTACKER);
    try {
      await attacker.hear();
      await sleep(500);
      innocent.open();
      await attacker.ask({ kind: "start", attack: ATTACK, port: proxy.port, source: "127.0.0.3" });
      await sleep(ATTACK_MS);
      const report = await attacker.ask<AttackReport>({ kind: "stop" });
      const { window } = await innocent.close();
      endpoint.tell("count");
      const connections = await endpoint.hear<Connections>();

      assert.equal(window.failed + window.lost, 0, innocent.complaints);
      assert.ok(window.answered > 100, "the innocent made no calls");
      assert.ok(report.streams > 50, "the attacker sent nothing");
      assert.equal(connections.ended, 0, "the endpoint has ended a connection");
      // Each is answered by the proxy, on its own stream.
      assert.ok(
        report.answers >= report.streams - 50,
        `${report.answers} answers to ${report.streams} requests`,
      );
      assert.deepEqual(report.closes, {});
    } finally {
      await Promise.all([attacker.stop(), innocent.stop()]);
      await proxy.stop();
      await endpoint.stop();
    }
  });
});
