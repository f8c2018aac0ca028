import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { describe, it } from "node:test";
import { build, FetchError } from "../clients/harness/build.ts";
import { Child } from "../clients/harness/child.ts";
import type { LackingCase } from "./excluded-cases.ts";
import { EXCLUDED_CASES, LACKING_CASES } from "./excluded-cases.ts";
import { RealProxy } from "./harness/real-proxy.ts";
import type { StackName } from "./harness/stack.ts";
import { InteropServer, STACKS } from "./harness/stack.ts";

const { CI = "" } = process.env;
const TEST_LIMIT_MS = 20 * 60_000;
const CASE_LIMIT_MS = 90_000;
/** Clients at a time: most of a case is the start of its process. */
const SIDE_BY_SIDE = 2;

/** The test balancer of the runners asks for backend metrics; without it nobody does. */
const ORCA = '{"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}';
const CASE_ARGS: Readonly<Record<string, readonly string[]>> = {
  rpc_soak: soakArgs(200, 60),
  channel_soak: soakArgs(48, 60),
  orca_per_rpc: [`--service_config_json=${ORCA}`],
  orca_oob: [`--service_config_json=${ORCA}`],
};

function soakArgs(iterations: number, limitSeconds: number): string[] {
  return [
    `--soak_iterations=${iterations}`,
    "--soak_num_threads=4",
    `--soak_overall_timeout_seconds=${limitSeconds}`,
    // The machine's pauses are not what is tested.
    "--soak_per_iteration_max_acceptable_latency_ms=10000",
  ];
}

interface CaseEnd {
  readonly ok: boolean;
  readonly said: string;
}

async function runCase(
  client: StackName,
  name: string,
  address: string,
  more: readonly string[],
): Promise<CaseEnd> {
  const stack = STACKS[client];
  const [host, port] = address.split(":");
  const { code, stdout, stderr } = await new Child(stack.program, [
    ...stack.clientArgs,
    ...more,
    `--server_host=${host}`,
    `--server_port=${port}`,
    `--test_case=${name}`,
    ...(CASE_ARGS[name] ?? []),
  ]).waitForEnd(CASE_LIMIT_MS);
  const said = `${stderr}${stdout.slice(-500)}`.split("\n").filter((line) => !/^\s+(at|\.\.\.) /.test(line));
  return { ok: code === 0, said: said.join(" ").slice(0, 1_000) };
}

function lacking(client: StackName, server: StackName, name: string): LackingCase | undefined {
  return LACKING_CASES[name]?.find((each) => each.client === client && each.servers.includes(server));
}

async function isBuilt(name: StackName, context: TestContext): Promise<boolean> {
  const stack = STACKS[name];
  const found = stack.findToolchain();
  if ("missing" in found) {
    assert.equal(CI, "", `CI requires every toolchain: ${found.missing}`);
    context.skip(found.missing);
    return false;
  }
  try {
    await build(stack, found.versions);
    return true;
  } catch (error) {
    if (CI !== "" || !(error instanceof FetchError)) throw error;
    context.skip(`${stack.name}: its packages could not be fetched: ${error.message}`);
    return false;
  }
}

async function runAll(
  client: StackName,
  server: StackName,
  more: readonly string[],
  context: TestContext,
): Promise<void> {
  const names = (await STACKS[client].cases()).filter((name) => !(name in EXCLUDED_CASES));
  await using backend = await InteropServer.start(STACKS[server]);
  await using proxy = await RealProxy.start({ clusters: [{ name: "", endpoints: [backend.address] }] });
  const wrong: string[] = [];
  let passed = 0;
  let alike = 0;
  const check = async (name: string): Promise<void> => {
    const lack = lacking(client, server, name);
    if (lack === undefined) {
      const { ok, said } = await runCase(client, name, proxy.address, more);
      if (ok) passed++;
      else wrong.push(`${name}: ${said}`);
      return;
    }
    const [through, direct] = await Promise.all(
      [proxy.address, backend.address].map((address) => runCase(client, name, address, more)),
    );
    if (direct!.ok)
      wrong.push(`${name}: the server can do it, the entry in excluded-cases.ts is out of date`);
    else if (!lack.says.test(direct!.said)) wrong.push(`${name}, without the proxy: ${direct!.said}`);
    else if (through!.ok || !lack.says.test(through!.said)) wrong.push(`${name}: ${through!.said}`);
    else alike++;
  };
  const left = [...names];
  await Promise.all(
    Array.from({ length: SIDE_BY_SIDE }, async () => {
      for (let name = left.shift(); name !== undefined; name = left.shift()) await check(name);
    }),
  );
  assert.equal(proxy.fault, "");
  assert.deepEqual(wrong, []);
  assert.equal(await proxy.blamed(), 0, "a connection ended with blame");
  context.diagnostic(
    `${passed} cases passed, ${alike} fail alike with and without the proxy, of ${names.length}`,
  );
  assert.equal(passed + alike, names.length);
}

describe("the gRPC project's interoperability tests", () => {
  const variants = [
    ["go", "go", []],
    ["go", "java", []],
    ["java", "java", []],
    ["java", "go", []],
  ] as const;
  for (const [client, server, more] of variants) {
    it(`pass through the proxy, ${client} client and ${server} server`, {
      timeout: TEST_LIMIT_MS,
    }, async (context) => {
      for (const each of new Set([client, server])) if (!(await isBuilt(each, context))) return;
      await runAll(client, server, more, context);
    });
  }

  it("are all run but those of cloud accounts", { timeout: TEST_LIMIT_MS }, async (context) => {
    const known = new Set<string>();
    for (const each of ["go", "java"] as const) {
      if (!(await isBuilt(each, context))) return;
      const cases = await STACKS[each].cases();
      // Both runners list about thirty; an empty list would pass everything else here.
      assert.ok(cases.length >= 20, cases.join());
      for (const name of cases) known.add(name);
      for (const must of ["empty_unary", "rpc_soak", "channel_soak", "orca_oob"])
        assert.ok(cases.includes(must));
    }
    for (const name of [...Object.keys(EXCLUDED_CASES), ...Object.keys(LACKING_CASES)]) {
      assert.ok(known.has(name), `no runner has a case ${name}`);
    }
    for (const name of Object.keys(EXCLUDED_CASES)) assert.match(name, /cred|token/);
  });
});
