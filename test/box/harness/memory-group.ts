import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ROOT = "/sys/fs/cgroup";
const V1 = {
  parent: `${ROOT}/memory`,
  limit: "memory.limit_in_bytes",
  most: "memory.max_usage_in_bytes",
  events: "memory.oom_control",
  mountAt: "/sys/fs/cgroup/memory",
} as const;
const V2 = {
  parent: ROOT,
  limit: "memory.max",
  most: "memory.peak",
  events: "memory.events",
  mountAt: ROOT,
} as const;
const UNITS: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

/** The limit of memory of a container, by cgroups of either version, and what of it was used. */
export class MemoryGroup {
  readonly #folder: string;
  readonly #version: typeof V1 | typeof V2;

  private constructor(folder: string, version: typeof V1 | typeof V2) {
    this.#folder = folder;
    this.#version = version;
  }

  /** @param limit as Kubernetes writes it, such as `512Mi`. @returns undefined where this machine lets nobody make one. */
  static make(name: string, limit: string): MemoryGroup | undefined {
    const version = existsSync(join(V1.parent, V1.limit)) ? V1 : hasV2() ? V2 : undefined;
    if (version === undefined) return undefined;
    const [, figure = "", unit = ""] = /^(\d+)([KMG]i)$/.exec(limit) ?? [];
    const octets = Number(figure) * (UNITS[unit] ?? Number.NaN);
    const folder = join(version.parent, `isobox-${process.pid}-${name}`);
    try {
      mkdirSync(folder);
      writeFileSync(join(folder, version.limit), String(octets));
    } catch {
      return undefined;
    }
    return new MemoryGroup(folder, version);
  }

  /** Of a shell: makes itself part of it. */
  get joining(): string {
    return `echo 0 >"${this.#folder}/cgroup.procs"`;
  }

  /** Of a shell: lets a container's programs see it where they look. */
  mounting(image: string): string {
    const place = `${image}${this.#version.mountAt}`;
    return [
      ...(this.#version === V1 ? [`mount -t tmpfs cgroup "${image}${ROOT}"`, `mkdir "${place}"`] : []),
      `mount --bind "${this.#folder}" "${place}"`,
      `mount -o remount,bind,ro "${place}"`,
    ].join("\n");
  }

  /** What was used at most, in MiB with what files the kernel has kept, and processes that the kernel has killed for want of it. */
  use(): { readonly mostMib: number; readonly kills: number } {
    const read = (name: string): string => readFileSync(join(this.#folder, name), "utf8");
    const kills = Number(/^oom_kill (\d+)$/m.exec(read(this.#version.events))?.[1] ?? 0);
    return { mostMib: Math.round(Number(read(this.#version.most)) / 2 ** 20), kills };
  }

  /** When all that was in it has ended. */
  async remove(): Promise<void> {
    for (let tries = 0; tries < 50; tries++) {
      try {
        rmdirSync(this.#folder);
        return;
      } catch {
        await sleep(20);
      }
    }
  }
}

function hasV2(): boolean {
  const file = join(ROOT, "cgroup.subtree_control");
  return existsSync(file) && readFileSync(file, "utf8").split(/\s/).includes("memory");
}
