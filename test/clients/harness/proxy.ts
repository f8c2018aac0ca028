import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "./child.ts";
import { REPOSITORY } from "./paths.ts";

/** Takes its endpoints in turn, so that few calls suffice to see an even spread. */
export const AUTHORITY = "echo.default.svc.cluster.local:50051";
/** The same endpoints under the default policy. */
export const LEAST_REQUEST_AUTHORITY = "echo-least-request.default.svc.cluster.local:50051";

/** No cluster's name: a route sends it to the endpoints of {@link AUTHORITY}, and changes headers both ways. */
export const ROUTED_AUTHORITY = "echo-routed.default.svc.cluster.local:50051";

const SOCKET = "isobar.sock";
const READY_LIMIT_MS = 30_000;
const POLL_MS = 50;

/** The proxy as users start it, in a process of its own. */
export class IsobarProxy {
  readonly address: string;
  /** The same by a unix socket, as gRPC writes it. */
  readonly unixTarget: string;
  readonly #child: Child;
  readonly #folder: string;

  private constructor(address: string, child: Child, folder: string) {
    this.address = address;
    this.unixTarget = `unix:${join(folder, SOCKET)}`;
    this.#child = child;
    this.#folder = folder;
  }

  /** Starts a proxy in front of the endpoints and waits until it says it is ready. */
  static async start(endpoints: readonly string[]): Promise<IsobarProxy> {
    const [listener, admin] = await freeAddresses(2);
    const folder = await mkdtemp(join(tmpdir(), "isobar-clients-"));
    const config = join(folder, "isobar.yaml");
    await writeFile(config, configText(listener!, admin!, folder, endpoints));
    const program = { command: process.execPath, args: [join(REPOSITORY, "src/cli/launch.mjs")] };
    const proxy = new IsobarProxy(listener!, new Child(program, ["proxy", "--config", config]), folder);
    try {
      await proxy.#waitUntilReady(`http://${admin}/ready`);
      return proxy;
    } catch (error) {
      await proxy.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#child.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #waitUntilReady(url: string): Promise<void> {
    const limit = AbortSignal.timeout(READY_LIMIT_MS);
    let gone: string | undefined;
    void this.#child.ended.then(({ code, stderr }) => {
      gone = `the proxy ended with code ${code}: ${stderr}`;
    });
    let answer = "nothing";
    while (gone === undefined && !limit.aborted) {
      try {
        const response = await fetch(url, { signal: limit });
        if (response.status === 200) return;
        answer = `${response.status} ${await response.text()}`;
      } catch (error) {
        answer = String(error);
      }
      await sleep(POLL_MS);
    }
    throw new Error(gone ?? `the proxy was not ready within ${READY_LIMIT_MS} ms: ${answer}`);
  }
}

function configText(listener: string, admin: string, folder: string, endpoints: readonly string[]): string {
  const list = endpoints.map((address) => `      - { address: ${address} }`);
  return [
    "node: { id: clients-test }",
    `admin: { address: ${admin} }`,
    "memory: { poisonFreed: true }",
    "listeners:",
    `  - { name: local, address: ${listener} }`,
    `  - { name: socket, address: "unix:${join(folder, SOCKET)}" }`,
    "clusters:",
    `  - name: ${AUTHORITY}`,
    "    loadBalancer: { policy: round_robin }",
    "    endpoints:",
    ...list,
    `  - name: ${LEAST_REQUEST_AUTHORITY}`,
    "    loadBalancer: { policy: least_request }",
    "    endpoints:",
    ...list,
    "routes:",
    "  - name: routed",
    `    authorities: ["${ROUTED_AUTHORITY}"]`,
    "    matches: [{ method: /isobar.test.Echo/*, headers: [{ name: user-agent, present: true }] }, { headers: [] }]",
    `    clusters: [{ name: "${AUTHORITY}" }]`,
    "    requestHeaders: { set: { x-route-set: one, user-agent: routed }, add: { x-route-add: two }, remove: [x-route-gone] }",
    "    responseHeaders: { set: { x-route-answer: three }, remove: [date] }",
    "",
  ].join("\n");
}

async function freeAddresses(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const addresses = await Promise.all(
    servers.map(
      (server) =>
        new Promise<string>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, "127.0.0.1", () => {
            const bound = server.address();
            resolve(`127.0.0.1:${typeof bound === "object" ? bound?.port : ""}`);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return addresses;
}
