import assert from "node:assert/strict";
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { waitForCapture } from "../../src/cli/wait-for-capture.ts";
import { Child } from "../clients/harness/child.ts";
import { REPOSITORY } from "../clients/harness/paths.ts";

const KNOWN = { known: true, mode: "transparent", captured: false };
const LIMIT_MS = 20_000;

/** A door that gives these answers one after the other, and the last one again and again. undefined: it closes the connection. */
class Door {
  asked = 0;
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(answers: readonly (object | string | undefined)[]) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("data", (octets) => {
        this.requests.push(octets.toString());
        const answer = answers[Math.min(this.asked++, answers.length - 1)];
        if (answer === undefined) return socket.destroy();
        if (typeof answer === "string") return socket.write(answer);
        const body = JSON.stringify(answer);
        return socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      });
    });
  }

  static async open(...answers: readonly (object | string | undefined)[]): Promise<Door> {
    const door = new Door(answers);
    await new Promise<void>((resolve) => door.#server.listen(0, "127.0.0.1", resolve));
    return door;
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host: "127.0.0.1", port: (this.#server.address() as { readonly port: number }).port };
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function run(...args: readonly string[]) {
  const launcher = join(REPOSITORY, "src/cli/launch.mjs");
  return new Child({ command: process.execPath, args: [launcher, "wait"] }, args).waitForEnd(LIMIT_MS);
}

describe("waiting until a Pod is captured", () => {
  it("goes on until the proxy knows the Pod and has captured it", async () => {
    using door = await Door.open(undefined, { ...KNOWN, known: false, mode: "off" }, KNOWN, {
      ...KNOWN,
      captured: true,
    });
    const { outcome } = await waitForCapture(door.address, LIMIT_MS);
    assert.deepEqual([outcome, door.asked], ["captured", 4]);
    assert.match(door.requests[0] ?? "", /^GET \/isobar\/caller HTTP\/1\.1\r\nHost: isobar\r\n/);
  });

  it("ends at once for a Pod that is not to be captured", async () => {
    for (const mode of ["off", "address", "proxy-env"]) {
      using door = await Door.open({ known: true, mode, captured: false });
      const { outcome, text } = await waitForCapture(door.address, LIMIT_MS);
      assert.deepEqual([outcome, door.asked], ["not_captured", 1]);
      assert.match(text, new RegExp(`mode ${mode}`));
    }
  });

  const without: readonly (readonly [string, object | string | undefined, RegExp])[] = [
    ["closes every connection", undefined, /the proxy closes the connection/],
    ["does not know the Pod", { known: false, mode: "off", captured: false }, /the Pod is not known yet/],
    ["does not capture it", KNOWN, /known and not captured yet/],
    ["answers something else", "HTTP/1.1 404 Not Found\r\n\r\n", /answers something that is not understood/],
    ["answers nothing that could be read", "HTTP/1.1 200 OK\r\n\r\n{", /is not understood/],
    ["takes connections and says nothing", "", /takes the connection and does not answer/],
    ["answers without an end", `HTTP/1.1 200 OK\r\n\r\n${" ".repeat(20_000)}`, /closes the connection/],
  ];
  for (const [what, answer, wanted] of without) {
    it(`gives up at its limit when the proxy ${what}`, async () => {
      using door = await Door.open(answer);
      const startedMs = performance.now();
      const { outcome, text } = await waitForCapture(door.address, 300);
      assert.equal(outcome, "none");
      assert.match(text, wanted);
      assert.ok(performance.now() - startedMs >= 295);
      assert.ok(door.asked < 10, `${door.asked} questions are a load`);
    });
  }

  it("lets the Pod start without a proxy, and says so; where it is required it does not", async () => {
    // Nobody listens on the discard port of a machine in a test.
    const open = await run("--address", "127.0.0.1:9", "--limit", "1");
    assert.equal(open.code, 0, open.stderr);
    assert.match(
      open.stdout,
      /^isobar wait: no proxy answers \(ECONNREFUSED\), after \d+ ms; the Pod starts without the proxy\n$/,
    );
    const closed = await run("--address", "127.0.0.1:9", "--limit", "1", "--required");
    assert.equal(closed.code, 69);
    assert.match(closed.stderr, /wanted to be captured/);
  });

  it("says on one line that the Pod is captured", async () => {
    using door = await Door.open({ ...KNOWN, captured: true });
    const { host, port } = door.address;
    const { code, stdout, stderr } = await run("--address", `${host}:${port}`);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^isobar wait: captured after \d+ ms\n$/);
  });

  it("refuses what is no address and no limit", async () => {
    for (const args of [
      ["--address", "localhost"],
      ["--address", "[1.2.3.4:1"],
      ["--limit", "0"],
      ["--limit", "x"],
    ])
      assert.equal((await run(...args)).code, 64, args.join(" "));
  });
});
