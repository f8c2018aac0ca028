import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { goProgram } from "../../clients/harness/go-program.ts";
import type { Language } from "../../clients/harness/language.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";

/** A control plane made of the go-control-plane library. */
export const goControlPlane: Language = goProgram(
  "go-control-plane",
  join(REPOSITORY, "test/xds/go-control-plane"),
  "go-control-plane",
  "control-plane",
);

/** What a client of the control plane has asked. */
export interface SeenRequest {
  readonly type: string;
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly versions?: Readonly<Record<string, string>>;
  readonly nonce?: string;
  readonly node?: string;
  readonly error?: string;
}

/** One control plane as a process, and what its clients have said. */
export class ControlPlaneProcess {
  readonly requests: SeenRequest[] = [];
  address = "";
  #child: ChildProcess;
  #text = "";
  #lines: string[] = [];
  #told = 0;
  #done = 0;

  private constructor(address: string) {
    this.#child = spawn(goControlPlane.program.command, ["--address", address], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => this.#take(text));
  }

  static async start(address = "127.0.0.1:0"): Promise<ControlPlaneProcess> {
    const started = new ControlPlaneProcess(address);
    await started.eventually(() => started.address !== "");
    return started;
  }

  /** Serves a resource. @param resource in protobuf's JSON. */
  async put(kind: string, resource: object): Promise<void> {
    await this.#tell({ put: kind, resource });
  }

  async delete(kind: string, name: string): Promise<void> {
    await this.#tell({ delete: kind, name });
  }

  async eventually(check: () => boolean): Promise<void> {
    for (let i = 0; i < 1_200; i++) {
      if (check()) return;
      await sleep(25);
    }
    throw new Error(`did not come about; the control plane said:\n${this.#lines.join("\n")}`);
  }

  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.kill(signal);
    await ended;
  }

  async #tell(line: object): Promise<void> {
    this.#child.stdin!.write(`${JSON.stringify(line)}\n`);
    const wanted = ++this.#told;
    await this.eventually(() => this.#done >= wanted);
  }

  #take(text: string): void {
    const lines = (this.#text + text).split("\n");
    this.#text = lines.pop()!;
    for (const line of lines) {
      this.#lines.push(line);
      if (line === "done") this.#done++;
      else if (line.startsWith("ready ")) this.address = line.slice(6);
      else if (line.startsWith("request ")) this.requests.push(JSON.parse(line.slice(8)) as SeenRequest);
    }
  }
}
