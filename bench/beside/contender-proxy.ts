import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "../../test/support/free-ports.ts";
import { isListening } from "../lib/wait-for-port.ts";
import { envoyConfig, envoyEndpoints } from "./envoy-config.ts";
import type { EnvoyVariant } from "./envoy-variants.ts";
import type { BesidePrograms } from "./find-programs.ts";
import type { IsobarVariant } from "./isobar-config.ts";
import { isobarConfig } from "./isobar-config.ts";
import { LineProcess } from "./line-process.ts";

/** A proxy with one configuration: a process of its own, so that none has to do the work of others. */
export class ContenderProxy implements AsyncDisposable {
  readonly port: number;
  /** Tells the proxy its endpoints, as a control plane would: by a file it watches. */
  readonly list: (addresses: readonly string[]) => void;
  readonly #process: LineProcess;

  private constructor(port: number, list: ContenderProxy["list"], process: LineProcess) {
    this.port = port;
    this.list = list;
    this.#process = process;
  }

  static async isobar(
    { launcher }: BesidePrograms,
    variant: IsobarVariant,
    folder: string,
    addresses: readonly string[],
  ): Promise<ContenderProxy> {
    const [listener, admin] = (await freePorts(2)) as [number, number];
    mkdirSync(folder);
    const file = `${folder}/isobar.yaml`;
    const list = (all: readonly string[]): void =>
      write(file, isobarConfig({ listener, admin }, variant, all));
    list(addresses);
    const process_ = new LineProcess(process.execPath, [launcher, "proxy", "--config", file]);
    return await started(new ContenderProxy(listener, list, process_));
  }

  static async envoy(
    { envoy }: BesidePrograms,
    variant: EnvoyVariant,
    folder: string,
    addresses: readonly string[],
  ): Promise<ContenderProxy> {
    const [port] = (await freePorts(1)) as [number];
    mkdirSync(folder);
    const list = (all: readonly string[]): void => write(`${folder}/endpoints.json`, envoyEndpoints(all));
    list(addresses);
    write(`${folder}/envoy.json`, envoyConfig(port, variant, `${folder}/endpoints.json`));
    const options = ["--concurrency", "1", "--disable-hot-restart", "-l", "error"];
    return await started(
      new ContenderProxy(port, list, new LineProcess(envoy, ["-c", `${folder}/envoy.json`, ...options])),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  /** Why it does not run any more. */
  get ended(): string | undefined {
    return this.#process.ended;
  }
}

/** Moved into place: both watch for that. */
function write(file: string, content: object): void {
  writeFileSync(`${file}.next`, JSON.stringify(content, undefined, 1));
  renameSync(`${file}.next`, file);
}

async function started(proxy: ContenderProxy): Promise<ContenderProxy> {
  const endMs = performance.now() + 30_000;
  try {
    while (!(await isListening(proxy.port))) {
      if (proxy.ended !== undefined) throw new Error(proxy.ended);
      if (performance.now() > endMs) throw new Error(`nothing listens on port ${proxy.port} after 30 s`);
      await sleep(50);
    }
    return proxy;
  } catch (error) {
    await proxy[Symbol.asyncDispose]();
    throw error;
  }
}
