import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { SmallFleet } from "../harness/small-fleet.ts";
import { missingTerminal, Terminal } from "../harness/terminal.ts";

const { CI = "" } = process.env;
const missing = missingTerminal();
if (missing !== undefined && CI !== "") throw new Error(missing);

const [ENTERED, LEFT] = ["\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"];

function top(...args: string[]): Terminal {
  const launcher = `${REPOSITORY}/src/cli/launch.mjs`;
  const command = [process.execPath, launcher, "top", "--every", "0.5", ...args];
  return new Terminal(command, { ISOBAR_ADMIN_ADDRESS: "", KUBECONFIG: "/nowhere" });
}

describe("top on a terminal", { skip: missing ?? false, timeout: 120_000 }, () => {
  let fleet: SmallFleet;

  before(async () => {
    fleet = await SmallFleet.start("n1");
    assert.equal(await fleet.call(), "0");
  });
  after(() => fleet?.[Symbol.asyncDispose]());

  it("draws at once, changes its rows by keys, and gives the terminal back when q is pressed", async () => {
    using terminal = top("--admin", fleet.admin);
    await terminal.shows(/asking 1 proxies; n namespaces, s services, q ends/);
    assert.ok(terminal.shown.startsWith(ENTERED), JSON.stringify(terminal.shown));
    await terminal.shows(/1 of 1 nodes; .*\r\n\r\nSERVICE +RPS .*\r\necho\.shop:50051 /);
    let seen = terminal.shown.length;
    terminal.type("x");
    terminal.type("n");
    await terminal.shows(/\r\n\r\nNAMESPACE +PODS +CHANNELS .*\r\nshop +0 +0 /, seen);
    seen = terminal.shown.length;
    terminal.type("s");
    await terminal.shows(/\r\n\r\nSERVICE +RPS /, seen);
    terminal.type("q");
    assert.deepEqual(await terminal.ended, { code: 0, restored: true });
    assert.ok(terminal.shown.endsWith(LEFT), JSON.stringify(terminal.shown.slice(-200)));
    for (const line of terminal.shown.split("\r\n"))
      assert.ok(stripVTControlCharacters(line).length <= 100, line);
  });

  it("ends with Ctrl-C as with q, and before the first table too", async () => {
    using terminal = top("--admin", fleet.admin, "--every", "60");
    await terminal.shows(/asking 1 proxies/);
    terminal.type("\x03");
    assert.deepEqual(await terminal.ended, { code: 0, restored: true });
    assert.ok(terminal.shown.endsWith(LEFT), JSON.stringify(terminal.shown.slice(-200)));
  });

  it("gives the terminal back where nobody answers, and says so on it", async () => {
    using terminal = top("--admin", `unix:${fleet.folder}/nobody.sock`);
    const { code, restored } = await terminal.ended;
    assert.deepEqual({ code, restored }, { code: 69, restored: true });
    const behind = terminal.shown.slice(terminal.shown.lastIndexOf(LEFT) + LEFT.length);
    assert.match(behind, /no proxy answers: /);
  });
});
