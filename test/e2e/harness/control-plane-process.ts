import { fileURLToPath } from "node:url";
import { Child } from "../../clients/harness/child.ts";
import { freePorts } from "../../support/free-ports.ts";
import { until } from "./until.ts";

const launcher = fileURLToPath(new URL("../../../src/cli/launch.mjs", import.meta.url));

/** `isobar control-plane` as its users start it; ended and started again it has the same port. */
export class ControlPlaneProcess {
  readonly port: number;
  readonly #adminPort: number;
  readonly #source: readonly string[];
  #child: Child | undefined;

  private constructor(source: readonly string[], port: number, adminPort: number) {
    this.#source = source;
    this.port = port;
    this.#adminPort = adminPort;
  }

  /** @param source options that say what is served. @returns it when it is ready. */
  static async start(...source: readonly string[]): Promise<ControlPlaneProcess> {
    const [port, adminPort] = (await freePorts(2)) as [number, number];
    const started = new ControlPlaneProcess(source, port, adminPort);
    await started.start();
    return started;
  }

  async start(): Promise<void> {
    const addresses = ["--address", `127.0.0.1:${this.port}`, "--admin", `127.0.0.1:${this.#adminPort}`];
    const args = [launcher, "control-plane", ...this.#source, "--insecure", ...addresses];
    const child = new Child({ command: process.execPath, args }, []);
    this.#child = child;
    let ended: object | undefined;
    void child.ended.then((how) => {
      ended = how;
    });
    await until(
      "the control plane is ready",
      async () => {
        if (ended !== undefined) throw new Error(`the control plane ended: ${JSON.stringify(ended)}`);
        return await this.get("/ready").then(
          (text) => text === "ready\n",
          () => false,
        );
      },
      () => this.#adminPort,
    );
  }

  /** Asks its admin server. */
  async get(path: string): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#adminPort}${path}`)).text();
  }

  /** Ends it on the spot. */
  async kill(): Promise<void> {
    this.#child?.signal("SIGKILL");
    await this.#child?.ended;
  }

  async stop(): Promise<void> {
    await this.#child?.stop();
  }
}
