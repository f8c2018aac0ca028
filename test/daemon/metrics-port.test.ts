import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { it } from "node:test";
import { HttpServer, sendText } from "../../src/admin/http-server.ts";
import { parseSocketAddress } from "../../src/config/socket-address.ts";
import { MetricsPort } from "../../src/daemon/metrics-port.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { until } from "../e2e/harness/until.ts";

const log = createLog({ level: "silent" });

function portOf(name: string, address: string): MetricsPort {
  const server = new HttpServer((_request, response) => sendText(response, 200, name));
  return new MetricsPort(server, parseSocketAddress(address)!, log);
}

/** A port that was free a moment ago. */
async function freeAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

async function answer(address: string): Promise<string> {
  return (await fetch(`http://${address}/`, { headers: { connection: "close" } })).text();
}

it("the next generation gets the port when the one before gives it up, however long that takes", async () => {
  const address = await freeAddress();
  const [old, next] = [portOf("old", address), portOf("next", address)];
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on("warning", onWarning);
  await old.open();
  await next.open();
  assert.equal(await answer(address), "old");
  // More tries than listeners that Node takes without a word.
  await new Promise((resolve) => setTimeout(resolve, 3_500));
  assert.equal(await answer(address), "old");
  await old.close();
  await until("the next one answers", async () => (await answer(address).catch(() => "")) === "next");
  await next.close();
  process.off("warning", onWarning);
  assert.deepEqual(warnings, []);
});

it("who gives up while waiting does not take the port afterwards", async () => {
  const address = await freeAddress();
  const [old, next, third] = [portOf("old", address), portOf("next", address), portOf("third", address)];
  await old.open();
  await next.open();
  await next.close();
  await old.close();
  await third.open();
  assert.equal(await answer(address), "third");
  await third.close();
});

it("who gives up while the port is being tried does not try again", async () => {
  const inUse = Object.assign(new Error("in use"), { code: "EADDRINUSE" });
  const tries: PromiseWithResolvers<number>[] = [];
  const server = {
    listen: () => {
      tries.push(Promise.withResolvers());
      return tries.at(-1)!.promise;
    },
    close: async () => {},
  };
  const port = new MetricsPort(server, parseSocketAddress("127.0.0.1:1")!, log);
  const opened = port.open();
  tries[0]!.reject(inUse);
  await opened;
  await until("it tries again", () => tries.length === 2);
  await port.close();
  tries[1]!.reject(inUse);
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(tries.length, 2);
});

it("an address of another machine is refused at once", async () => {
  await assert.rejects(portOf("x", "192.0.2.1:15020").open(), /EADDRNOTAVAIL/);
});
