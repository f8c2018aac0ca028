import { fileURLToPath } from "node:url";
import type { AttackReport } from "../attacker/attack.ts";
import type { AttackName } from "../attacker/attacks.ts";
import type { BehaviourName } from "../backend/behaviours.ts";
import type { HostileTally } from "../backend/hostile-connection.ts";
import { hostileAuthority, SHARED } from "../clusters.ts";
import { Innocent } from "./innocent.ts";
import { IpcProgram, LineProgram } from "./pinned.ts";
import { compile, OTHER_CORE } from "./programs.ts";
import { AttackedProxy } from "./proxy.ts";

/** What the endpoint that all share has seen since its start. */
export interface EndpointCounts {
  readonly connections: number;
  readonly open: number;
  readonly streams: number;
  readonly requests: number;
  /** Of them, the innocent's. */
  readonly innocents: number;
  readonly resets: number;
  /** GOAWAY frames with an error code: what the proxy thinks of it. */
  readonly failures: number;
}

function programAt(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

/** Proxy, endpoints, attacker and innocent, each a process of its own: the proxy on one core, all others on another. */
export class Stage implements AsyncDisposable {
  readonly proxy: AttackedProxy;
  readonly innocent: Innocent;
  /** Where clients connect to. */
  readonly target: { readonly host: string; readonly port: number };
  readonly #endpoint: LineProgram;
  readonly #hostile: IpcProgram;
  readonly #attacker: IpcProgram;

  private constructor(
    proxy: AttackedProxy,
    innocent: Innocent,
    target: Stage["target"],
    endpoint: LineProgram,
    hostile: IpcProgram,
    attacker: IpcProgram,
  ) {
    this.proxy = proxy;
    this.innocent = innocent;
    this.target = target;
    this.#endpoint = endpoint;
    this.#hostile = hostile;
    this.#attacker = attacker;
  }

  /**
   * @param config further lines of the proxy's configuration.
   * @param targetOf where clients are to connect to, of the proxy that has started; default: its listener.
   */
  static async set(
    config: readonly string[] = [],
    targetOf: (proxy: AttackedProxy) => Promise<Stage["target"]> = async ({ port: own }) => ({
      host: "127.0.0.1",
      port: own,
    }),
  ): Promise<Stage> {
    const endpoint = new LineProgram(OTHER_CORE, compile("endpoint"), []);
    const { port } = await endpoint.hear<{ readonly port: number }>();
    const hostile = new IpcProgram(OTHER_CORE, true, programAt("../backend/hostile-process.ts"));
    const ports = await hostile.hear<Readonly<Record<BehaviourName, number>>>();
    const attacker = new IpcProgram(OTHER_CORE, true, programAt("../attacker/attacker-process.ts"));
    await attacker.hear();
    const clusters = Object.entries(ports).map(([name, each]) => ({
      name: hostileAuthority(name),
      port: each,
    }));
    const proxy = await AttackedProxy.start([{ name: SHARED, port }, ...clusters], config);
    const target = await targetOf(proxy);
    const innocent = new Innocent(target.port, SHARED, target.host);
    return new Stage(proxy, innocent, target, endpoint, hostile, attacker);
  }

  /**
   * @param source the address the attacker comes from, so that no attack pays for another.
   * @param framesPerConnection what a connection sends at most before it waits to be closed.
   */
  async attack(attack: AttackName, source: string, framesPerConnection?: number): Promise<void> {
    const order = { kind: "start", attack, ...this.target, source, framesPerConnection };
    await this.#attacker.ask(order);
  }

  reportAttack(): Promise<AttackReport> {
    return this.#attacker.ask<AttackReport>({ kind: "report" });
  }

  stopAttack(): Promise<AttackReport> {
    return this.#attacker.ask<AttackReport>({ kind: "stop" });
  }

  endpointCounts(): Promise<EndpointCounts> {
    this.#endpoint.tell("count");
    return this.#endpoint.hear<EndpointCounts>();
  }

  /** Lets one of the hostile endpoints attack, none with "". @returns what each has done so far. */
  hostile(active: BehaviourName | ""): Promise<Readonly<Record<BehaviourName, HostileTally>>> {
    return this.#hostile.ask({ active });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#attacker.stop(), this.innocent.stop()]);
    await this.proxy.stop();
    await Promise.all([this.#endpoint.stop(), this.#hostile.stop()]);
  }
}
