import { EchoClient } from "./echo-client.ts";

const LIMIT_MS = 30_000;
const SPREAD_CALLS = 300;

/** The checks that this client knows: those that show where calls go. */
const CHECKS: readonly (readonly [string, (client: EchoClient) => Promise<object>])[] = [
  ["unary-0", (client) => unary(client, 0)],
  ["unary-100", (client) => unary(client, 100)],
  ["spread", spread],
];

/** Runs the checks on one channel and prints one JSON line for each. @returns whether all passed. */
export async function call(target: string, authority: string, only: string): Promise<boolean> {
  const client = await EchoClient.open(target, authority);
  const wanted = only === "" ? CHECKS.map(([name]) => name) : only.split(",");
  let allOk = true;
  for (const [name, check] of CHECKS) {
    if (!wanted.includes(name)) continue;
    let result: object;
    try {
      result = { check: name, ok: true, detail: "", ...(await check(client)) };
    } catch (error) {
      allOk = false;
      result = { check: name, ok: false, detail: String(error) };
    }
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
  client.close();
  return allOk;
}

async function unary(client: EchoClient, octets: number): Promise<object> {
  const payload = Buffer.from(Array.from({ length: octets }, (_, i) => i % 251));
  const reply = await client.unary({ payload }, LIMIT_MS);
  if (!payload.equals(reply.payload))
    throw new Error(`${octets} octets came back changed (${reply.payload.length})`);
  return { detail: `${octets} octets by ${reply.backend}` };
}

async function spread(client: EchoClient): Promise<object> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < SPREAD_CALLS; i++) {
    const { backend } = await client.unary({ payload: Buffer.alloc(100) }, LIMIT_MS);
    counts[backend] = (counts[backend] ?? 0) + 1;
  }
  return { counts };
}
