import { open, readFile, rename, stat, utimes } from "node:fs/promises";
import type { ServiceModel } from "../../resource/service.ts";

/** Goes up with every change that an older reader would misunderstand. */
const FORMAT = 1;

/** What a file says of a cluster. */
export interface FoundCluster {
  readonly services: readonly ServiceModel[];
  /** When the cluster's API last said that it is so, in ms since 1970. */
  readonly confirmedMs: number;
}

/** The services of another cluster in a file: replaced whole, or not at all. When they were last confirmed is the file's time. */
export class ClusterFile {
  readonly #path: string;
  readonly #cluster: string;

  constructor(path: string, cluster: string) {
    this.#path = path;
    this.#cluster = cluster;
  }

  /** @returns undefined when there is none; a text for people when it is of no use: then it is set aside. */
  async load(): Promise<FoundCluster | string | undefined> {
    let text: string;
    let confirmedMs: number;
    try {
      text = await readFile(this.#path, "utf8");
      confirmedMs = (await stat(this.#path)).mtimeMs;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code === "ENOENT" ? undefined : message;
    }
    const services = parse(text, this.#cluster);
    if (typeof services !== "string") return { services, confirmedMs };
    const setAside = `${this.#path}.set-aside`;
    await rename(this.#path, setAside).catch(() => undefined);
    return `${services}; it is ${setAside} now`;
  }

  /** @throws the system's error. */
  async save(services: Iterable<ServiceModel>): Promise<void> {
    const temporary = `${this.#path}.next`;
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(
        JSON.stringify({ format: FORMAT, cluster: this.#cluster, services: [...services] }),
      );
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
  }

  /** Notes that what is in the file is still so. */
  async confirm(nowMs: number): Promise<void> {
    await utimes(this.#path, nowMs / 1000, nowMs / 1000).catch(() => undefined);
  }
}

function parse(text: string, cluster: string): readonly ServiceModel[] | string {
  try {
    const found = JSON.parse(text) as { format?: unknown; cluster?: unknown; services?: unknown };
    if (found.format !== FORMAT) return `found format ${String(found.format)}, wanted ${FORMAT}`;
    if (found.cluster !== cluster) return `found the cluster "${String(found.cluster)}", wanted "${cluster}"`;
    const services = found.services as readonly ServiceModel[];
    const isGood = services.every(
      ({ name, cluster: { endpoints } }) =>
        typeof name === "string" && endpoints.every(({ key, address }) => key !== "" && address !== ""),
    );
    return isGood ? services : "found services without names, or endpoints without addresses";
  } catch (error) {
    return `found no list of services (${error instanceof Error ? error.message : String(error)})`;
  }
}
