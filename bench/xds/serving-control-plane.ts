import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ServedService } from "./served-services.ts";

/** A control plane in a process of its own, which serves what it is told to. */
export class ServingControlPlane {
  /** Where it serves xDS, in clear text. */
  readonly address: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.address = `127.0.0.1:${port}`;
  }

  static async start(): Promise<ServingControlPlane> {
    const child = fork(fileURLToPath(new URL("./serving-process.ts", import.meta.url)));
    const [{ port }] = (await once(child, "message")) as [{ port: number }];
    return new ServingControlPlane(child, port);
  }

  /** Serves these, beside what is served already. */
  async serve(services: readonly ServedService[]): Promise<void> {
    const served = once(this.#child, "message");
    this.#child.send(services);
    await served;
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill();
    await gone;
  }
}
