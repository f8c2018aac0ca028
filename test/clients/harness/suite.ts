import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { describe, it } from "node:test";
import { Backends } from "./backends.ts";
import { build, FetchError } from "./build.ts";
import { assertSpread, runChecks } from "./checks.ts";
import type { Language, Program, Toolchain } from "./language.ts";
import { AUTHORITY, IsobarProxy, LEAST_REQUEST_AUTHORITY, ROUTED_AUTHORITY } from "./proxy.ts";

/** The first test to need a language waits for its build. */
const TEST_LIMIT_MS = 30 * 60_000;
const NAMES = ["first", "second", "third"] as const;

const toolchains = new Map<Language, Toolchain>();

/** In CI every language has to be tested; elsewhere what the machine lacks is skipped. */
const { CI = "" } = process.env;

/**
 * Declares the tests of one language's client: against a server of its own language without a proxy, which
 * proves the programs, then through the proxy against the servers of each language given.
 */
export function testClient(client: Language, serverLanguages: readonly Language[]): void {
  describe(`${client.name} client`, () => {
    declare(`passes every check at a ${client.name} server without a proxy`, [client], async () => {
      await withBackends(client, ["only"], async ({ addresses }) => {
        assertSpread(await runChecks(client, addresses[0]!, AUTHORITY), ["only"], 1);
      });
    });
    for (const server of serverLanguages) {
      declare(
        `passes every check at ${server.name} servers through the proxy`,
        [client, server],
        async () => {
          await withProxy(server, async (proxy) => {
            assertSpread(await runChecks(client, proxy.address, AUTHORITY), NAMES, 1.1);
          });
        },
      );
    }
  });
}

/** Declares the test that the default policy spreads one channel's calls over servers of the language too. */
export function testLeastRequest(client: Language): void {
  describe(`${client.name} client`, () => {
    declare("has the calls of one channel spread by least_request", [client], async () => {
      await withProxy(client, async (proxy) => {
        const spread = await runChecks(client, proxy.address, LEAST_REQUEST_AUTHORITY, ["spread"]);
        // Calls made one after the other meet idle backends, so chance alone decides: this is 4 standard deviations.
        assertSpread(spread, NAMES, 1.33);
      });
    });
  });
}

/**
 * Declares the test that a client whose environment names the proxy gets through it by CONNECT, and is balanced as always.
 *
 * @param way how the environment says it.
 * @param changes what the client's program needs for it.
 */
export function testTunnel(
  client: Language,
  way: string,
  changes: (program: Program, proxyAddress: string) => Partial<Program>,
): void {
  describe(`${client.name} client`, () => {
    declare(`reaches a cluster through a tunnel (${way})`, [client], async () => {
      await withProxy(client, async (proxy) => {
        const program = { ...client.program, ...changes(client.program, proxy.address) };
        // No resolver knows this name: the client does not look it up, it asks the proxy for it.
        const spread = await runChecks({ ...client, program }, AUTHORITY, AUTHORITY);
        assertSpread(spread, NAMES, 1.1);
      });
    });
  });
}

/** Declares the test that a client passes every check through a route that changes headers both ways. */
export function testRoute(client: Language): void {
  describe(`${client.name} client`, () => {
    declare("passes every check through a route that changes headers", [client], async () => {
      await withProxy(client, async (proxy) => {
        assertSpread(await runChecks(client, proxy.address, ROUTED_AUTHORITY), NAMES, 1.1);
      });
    });
  });
}

/** Declares the test that a client which dials the listener's unix socket passes every check and is balanced as always. */
export function testUnixSocket(client: Language): void {
  describe(`${client.name} client`, () => {
    declare("passes every check through a unix socket", [client], async () => {
      await withProxy(client, async (proxy) => {
        assertSpread(await runChecks(client, proxy.unixTarget, AUTHORITY), NAMES, 1.1);
      });
    });
  });
}

/** Declares a test that needs these languages' programs: built before it runs, and skipped where that cannot be. */
export function declare(title: string, languages: readonly Language[], test: () => Promise<void>): void {
  const missing = languages.flatMap((language) => {
    const found = toolchainOf(language);
    return "missing" in found ? [`${language.name}: ${found.missing}`] : [];
  });
  const skip = missing.length > 0 && CI === "" ? missing.join("; ") : false;
  it(title, { skip, timeout: TEST_LIMIT_MS }, async (context) => {
    assert.deepEqual(missing, [], "CI requires every toolchain");
    for (const language of languages) {
      const found = toolchainOf(language);
      if ("versions" in found && !(await isBuilt(language, found.versions, context))) return;
    }
    await test();
  });
}

function toolchainOf(language: Language): Toolchain {
  const found = toolchains.get(language) ?? language.findToolchain();
  toolchains.set(language, found);
  return found;
}

async function isBuilt(language: Language, versions: string, context: TestContext): Promise<boolean> {
  try {
    await build(language, versions);
    return true;
  } catch (error) {
    if (CI !== "" || !(error instanceof FetchError)) throw error;
    context.skip(`${language.name}: its packages could not be fetched: ${error.message}`);
    return false;
  }
}

/** Runs the action with servers of these names. */
export async function withBackends(
  language: Language,
  names: readonly string[],
  action: (backends: Backends) => Promise<void>,
): Promise<void> {
  const backends = await Backends.start(language, names);
  try {
    await action(backends);
  } finally {
    await backends.stop();
  }
}

async function withProxy(language: Language, action: (proxy: IsobarProxy) => Promise<void>): Promise<void> {
  await withBackends(language, NAMES, async ({ addresses }) => {
    const proxy = await IsobarProxy.start(addresses);
    try {
      await action(proxy);
    } finally {
      await proxy.stop();
    }
  });
}
