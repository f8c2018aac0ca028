import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { SoakRequest } from "./soak-message.ts";

const running = new Set<ChildProcess>();
// However the soak ends, none of them outlives it.
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

type Question = SoakRequest extends infer Each ? (Each extends unknown ? Omit<Each, "id"> : never) : never;

/** One process of the soak, asked by messages. */
export class SoakChild {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #nextId = 1;
  #errors = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    child.on("message", (message: { id: number; answer: unknown }) => {
      this.#waiting.get(message.id)?.(message.answer);
      this.#waiting.delete(message.id);
    });
  }

  /**
   * @param module the child's module, beside this one.
   * @param namespace the network namespace to start it in, "" for this one.
   */
  static async start(module: string, namespace: string, args: readonly string[] = []): Promise<SoakChild> {
    const node = [process.execPath, "--expose-gc", fileURLToPath(new URL(module, import.meta.url)), ...args];
    const command = namespace === "" ? node : ["ip", "netns", "exec", namespace, ...node];
    const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "inherit", "pipe", "ipc"] });
    running.add(child);
    const started = new SoakChild(child);
    await Promise.race([
      once(child, "message"),
      once(child, "exit").then(([code]) => {
        throw new Error(`${module} ended with ${code}: ${started.#errors}`);
      }),
    ]);
    return started;
  }

  /** @throws Error when the child has ended. */
  async ask<Answer>(question: Question): Promise<Answer> {
    const id = this.#nextId++;
    if (this.#child.exitCode !== null || !this.#child.connected)
      throw new Error(`a child has ended: ${this.#errors}`);
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(id, resolve);
      this.#child.once("exit", (code, signal) => {
        reject(new Error(`a child ended with ${code ?? signal}: ${this.#errors}`));
      });
    });
    this.#child.setMaxListeners(0);
    this.#child.send({ id, ...question });
    return (await answer) as Answer;
  }

  async stop(): Promise<void> {
    running.delete(this.#child);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }
}

/** The child's side: answers each request with what `handle` returns, after having said that it is there. */
export function serveParent(handle: (request: SoakRequest) => unknown): void {
  process.on("message", async (request: SoakRequest) => {
    process.send!({ id: request.id, answer: await handle(request) });
  });
  process.on("disconnect", () => process.exit(0));
  process.send!({ id: 0, answer: "ready" });
}
