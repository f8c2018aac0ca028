import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "./child.ts";
import { REPOSITORY } from "./paths.ts";

const READY_LIMIT_MS = 30_000;
const POLL_MS = 50;

/** The service that {@link NodeProxy} leads to. */
const NODE_SERVICE = "echo.default:50051";

/**
 * The proxy as it runs on a node, reached by its door, as Pods reach it once `isobar capture` has translated the node's stable address. Loopback takes the place
 * of the range that capture routes, and this machine that of the node's one Pod, in the namespace `default`.
 */
export class NodeProxy {
  /** Where Pods come in, `ip:port`. */
  readonly door: string;
  readonly #child: Child;
  readonly #folder: string;

  private constructor(door: string, child: Child, folder: string) {
    this.door = door;
    this.#child = child;
    this.#folder = folder;
  }

  /** @param mode of the Pod. @returns it when it is ready. */
  static async start(endpoints: readonly string[], mode: string): Promise<NodeProxy> {
    const folder = await mkdtemp(join(tmpdir(), "isobar-node-"));
    const config = join(folder, "isobar.yaml");
    const runDir = join(folder, "run");
    const pod = {
      uid: "pod-1",
      namespace: "default",
      pod: "client",
      serviceAccount: "default",
      workload: "",
      addresses: ["127.0.0.1"],
      mode,
      failClosed: false,
      reclaim: true,
    };
    const cluster = {
      name: NODE_SERVICE,
      loadBalancer: { policy: "round_robin" },
      endpoints: endpoints.map((address) => ({ address })),
    };
    const content = {
      node: { id: "clients-test" },
      admin: { address: `unix:${join(folder, "admin.sock")}` },
      memory: { poisonFreed: true },
      listeners: [],
      capture: { runDir, generation: "g1", anyIp: { ipv4: "127.18.0.0/16" } },
      callers: [pod],
      clusters: [cluster],
    };
    // JSON is YAML, too.
    await writeFile(config, JSON.stringify(content));
    const program = { command: process.execPath, args: [join(REPOSITORY, "src/cli/launch.mjs")] };
    const child = new Child(program, ["proxy", "--config", config]);
    try {
      const read = async (name: string) => JSON.parse(await readFile(join(runDir, "g1", name), "utf8"));
      const port = await readyPort(child, () => read("generation.json"));
      const { door } = (await read("plan.json")) as { readonly door: { readonly ipv4: string } };
      return new NodeProxy(`${door.ipv4}:${port}`, child, folder);
    } catch (error) {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#child.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Waits until the proxy says that it is ready, or has ended. */
async function readyPort(child: Child, read: () => Promise<unknown>): Promise<number> {
  let gone = "";
  void child.ended.then(({ code, stderr }) => {
    gone = `the proxy ended with code ${code}: ${stderr}`;
  });
  const untilMs = performance.now() + READY_LIMIT_MS;
  while (gone === "" && performance.now() < untilMs) {
    const state = (await read().catch(() => ({}))) as { readonly ready?: boolean; readonly port?: number };
    if (state.ready === true && state.port !== undefined) return state.port;
    await sleep(POLL_MS);
  }
  throw new Error(gone === "" ? `the proxy was not ready within ${READY_LIMIT_MS} ms` : gone);
}
