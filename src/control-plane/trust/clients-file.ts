import { readFile } from "node:fs/promises";
import { formatConfigProblem } from "../../config/config-problem.ts";
import { parseClients } from "../../config/parse-clients.ts";
import { systemErrorText } from "../../config/system-error-text.ts";
import { ConfigFileWatch } from "../../discovery/config-file-watch.ts";
import type { Log } from "../../telemetry/log.ts";
import type { ClientRoles } from "./client-roles.ts";
import { IdentityError } from "./identity-source.ts";

/** The file that lists clients: read at the start, and again when it changes; what is wrong then changes nothing. */
export class ClientsFile {
  readonly #path: string;
  readonly #roles: ClientRoles;
  readonly #log: Log;
  #watch: ConfigFileWatch | undefined;

  constructor(path: string, roles: ClientRoles, log: Log) {
    this.#path = path;
    this.#roles = roles;
    this.#log = log;
  }

  /** @throws IdentityError when the file is wrong. */
  async load(): Promise<void> {
    const text = await readFile(this.#path, "utf8").catch((error: unknown) => {
      const found = systemErrorText(error);
      throw new IdentityError(`--clients: found ${this.#path}: ${found}, wanted a readable file`);
    });
    const problems = this.#take(text);
    if (problems !== "") throw new IdentityError(problems);
    this.#watch = new ConfigFileWatch(this.#path, text, () => void this.#reload());
  }

  close(): void {
    this.#watch?.close();
  }

  async #reload(): Promise<void> {
    const text = await readFile(this.#path, "utf8").catch(() => undefined);
    if (text === undefined) return;
    const problems = this.#take(text);
    if (problems === "") this.#log.info("the list of clients has changed", { file: this.#path });
    else this.#log.error("the list of clients is wrong, the last good one stays in force", { problems });
  }

  /** @returns what is wrong, a line for each problem. */
  #take(text: string): string {
    const { clients, problems = [] } = parseClients(text, this.#path);
    if (clients === undefined) return problems.map(formatConfigProblem).join("\n");
    this.#roles.list(clients);
    return "";
  }
}
