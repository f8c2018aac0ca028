import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SmallFleet } from "../../test/cli/harness/small-fleet.ts";
import { Child } from "../../test/clients/harness/child.ts";
import { REPOSITORY } from "../../test/clients/harness/paths.ts";
import { until } from "../../test/e2e/harness/until.ts";
import { freePorts } from "../../test/support/free-ports.ts";
import type { Stage } from "./parse-page.ts";

/** What commands find: variables of their environment, and files beside those of the page. */
export interface SetStage extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
}

const CALLS = 60;

/**
 * Starts what a block's commands look at. `proxy`: a proxy of node n1 with three endpoints that has had some calls, and `picks.bin` of it. `audit`: the
 * audit of a control plane that was told of one service, and then of another endpoint.
 *
 * @param folder in which the commands run.
 * @throws Error when it does not start.
 */
export async function setStage(stage: Stage, folder: string): Promise<SetStage> {
  if (stage === "proxy") return proxyStage(folder);
  if (stage === "audit") return auditStage();
  return { env: {}, [Symbol.asyncDispose]: () => Promise.resolve() };
}

async function proxyStage(folder: string): Promise<SetStage> {
  const fleet = await SmallFleet.start("n1", { explain: { sample: 1 } });
  for (let i = 0; i < CALLS; i++) await fleet.call();
  const { Agent, request } = await import("undici");
  const agent = new Agent({ connect: { socketPath: fleet.admin.slice("unix:".length) } });
  const { body } = await request("http://localhost/explain.bin", { dispatcher: agent });
  writeFileSync(join(folder, "picks.bin"), Buffer.from(await body.arrayBuffer()));
  await agent.close();
  return {
    env: { ISOBAR_ADMIN_ADDRESS: fleet.admin },
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

const services = (addresses: readonly string[]): string =>
  JSON.stringify({
    clusters: [{ name: "echo.shop:50051", endpoints: addresses.map((address) => ({ address })) }],
  });

async function auditStage(): Promise<SetStage> {
  const folder = mkdtempSync(join(tmpdir(), "isobar-audit-"));
  const file = join(folder, "services.yaml");
  const directory = join(folder, "audit");
  const [xds, admin] = (await freePorts(2)) as [number, number];
  const isobar = { command: process.execPath, args: [join(REPOSITORY, "src/cli/launch.mjs")] };
  const isLogged = async (what: string): Promise<boolean> => {
    const { stdout } = await new Child(isobar, ["audit", "log", "--dir", directory]).waitForEnd(30_000);
    return stdout.includes(what);
  };
  writeFileSync(file, services(["10.0.0.1:50051"]));
  const addresses = ["--address", `127.0.0.1:${xds}`, "--admin", `127.0.0.1:${admin}`];
  const controlPlane = new Child(
    isobar,
    ["control-plane", "--static", "services.yaml", "--insecure", "--audit-dir", directory, ...addresses],
    folder,
  );
  try {
    await until("the first version is written", () => isLogged("echo.shop:50051 new"));
    // As a whole: a watcher that looks in between would see half of it.
    writeFileSync(`${file}.new`, services(["10.0.0.1:50051", "10.0.0.2:50051"]));
    renameSync(`${file}.new`, file);
    await until("the second version is written", () => isLogged("echo.shop:50051 changed"));
  } finally {
    await controlPlane.stop();
  }
  return {
    env: { ISOBAR_AUDIT_DIR: directory },
    [Symbol.asyncDispose]: () => Promise.resolve(rmSync(folder, { recursive: true, force: true })),
  };
}
