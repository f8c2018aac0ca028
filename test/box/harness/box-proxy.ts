import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Agent, request } from "undici";
import { until } from "../../e2e/harness/until.ts";
import type { BoxNamespace } from "./box-namespace.ts";
import { isobarOf, LoggedProgram } from "./logged-program.ts";
import type { Release } from "./releases.ts";

/** What a generation of the proxy is told, beside what all are. */
export interface ProxyWish {
  readonly generation: string;
  readonly node: string;
  /** The section controlPlane of its configuration. */
  readonly controlPlane: object | undefined;
  readonly hostAddress: string;
  /** What generations and `isobar capture` of the node share. */
  readonly runDir: string;
  /** Further keys of its configuration. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** Whether SIGUSR2 makes its first worker spin. */
  readonly breakable?: boolean;
  /** Another one than today's. */
  readonly release?: Release | undefined;
}

const BREAKABLE = join(import.meta.dirname, "breakable-proxy.ts");

/** One generation of `isobar proxy` on a node, as its DaemonSet's Pod starts it. */
export class BoxProxy {
  readonly generation: string;
  readonly program: LoggedProgram;
  /** Path of its admin server's unix socket. */
  readonly adminSocket: string;
  readonly #agent: Agent;

  private constructor(wish: ProxyWish, program: LoggedProgram, admin: string) {
    this.generation = wish.generation;
    this.program = program;
    this.adminSocket = admin;
    this.#agent = new Agent({ connect: { socketPath: admin } });
  }

  /** @param folder for its configuration, log and admin socket. Returns at once; see {@link ready}. */
  static start(machine: BoxNamespace, folder: string, wish: ProxyWish): BoxProxy {
    const base = join(folder, `${wish.node}-${wish.generation}`);
    const admin = `${base}.sock`;
    const config = {
      node: { id: wish.node },
      admin: { address: `unix:${admin}` },
      listeners: [],
      capture: { runDir: wish.runDir, generation: wish.generation, hostAddress: wish.hostAddress },
      ...(wish.controlPlane === undefined ? {} : { controlPlane: wish.controlPlane }),
      ...wish.more,
    };
    writeFileSync(`${base}.yaml`, JSON.stringify(config, undefined, 2));
    const args =
      wish.breakable === true
        ? [BREAKABLE, `${base}.yaml`]
        : [...isobarOf(wish.release), "proxy", "--config", `${base}.yaml`];
    const program = new LoggedProgram(machine, `${base}.log`, args);
    return new BoxProxy(wish, program, admin);
  }

  /** Waits until it says that it is ready. */
  async ready(): Promise<void> {
    await until(
      `generation ${this.generation} is ready`,
      async () => {
        if (this.program.hasEnded) throw new Error(this.program.lines.join("\n"));
        return (await this.get("/ready").catch(() => "")).startsWith("ready");
      },
      () => this.program.lines.slice(-20),
    );
  }

  /** Asks its admin server. @returns what it answers. */
  async get(path: string): Promise<string> {
    return (await request(`http://localhost${path}`, { dispatcher: this.#agent })).body.text();
  }

  async stop(): Promise<void> {
    await this.program.stop();
    await this.#agent.destroy();
  }
}

/** @returns the content of a file of JSON; undefined when there is none. */
export function readJson<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : undefined;
}
