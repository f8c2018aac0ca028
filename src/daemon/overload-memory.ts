import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";

/** What of a cgroup's memory limit is used, in octets. */
export interface MemoryUse {
  readonly limitOctets: number;
  /** Without file pages the kernel can drop at once, as the kubelet counts its working set. */
  readonly usedOctets: number;
}

/** Where the memory of this process's cgroup is told, and in which words. */
interface MemoryFiles {
  readonly limit: string;
  readonly used: string;
  readonly stat: string;
  readonly droppable: string;
}

/** Files to read instead of the system's; for tests. */
export interface MemoryRoots {
  readonly cgroupFile?: string;
  readonly mountInfoFile?: string;
}

const V1 = {
  limit: "memory.limit_in_bytes",
  used: "memory.usage_in_bytes",
  droppable: "total_inactive_file",
} as const;
const V2 = { limit: "memory.max", used: "memory.current", droppable: "inactive_file" } as const;

/**
 * The tightest memory limit that the process stands under: its own cgroup's, or that of one above, in cgroup v2 or v1. A
 * container sees its cgroup as the root of a mount, so that the path in /proc/self/cgroup is to be read below the root that
 * /proc/self/mountinfo names.
 */
export class CgroupMemory {
  readonly #files: MemoryFiles;

  private constructor(files: MemoryFiles) {
    this.#files = files;
  }

  /** @returns undefined when there is no limit below the machine's memory, or no cgroup that tells. */
  static find(roots: MemoryRoots = {}): CgroupMemory | undefined {
    const folders = memoryFolders(roots);
    let tightest: CgroupMemory | undefined;
    let limitOctets = totalmem();
    for (const files of folders) {
      const limit = readLimit(files.limit);
      if (limit >= limitOctets) continue;
      limitOctets = limit;
      tightest = new CgroupMemory(files);
    }
    return tightest;
  }

  /** @returns undefined when it cannot be read, or the limit has been lifted. */
  read(): MemoryUse | undefined {
    const limitOctets = readLimit(this.#files.limit);
    if (limitOctets === Number.POSITIVE_INFINITY) return undefined;
    const used = Number(readText(this.#files.used));
    if (!(used > 0)) return undefined;
    const droppable = statOf(readText(this.#files.stat), this.#files.droppable);
    return { limitOctets, usedOctets: Math.max(0, used - droppable) };
  }
}

function memoryFolders({ cgroupFile, mountInfoFile }: MemoryRoots): MemoryFiles[] {
  const cgroups = readText(cgroupFile ?? "/proc/self/cgroup").split("\n");
  const mounts = readText(mountInfoFile ?? "/proc/self/mountinfo").split("\n");
  const v1 = cgroups.find((line) => line.split(":")[1]?.split(",").includes("memory"));
  const v2 = cgroups.find((line) => line.startsWith("0::"));
  // In a hybrid hierarchy the controller is in v1, and v2 knows no memory.
  const line = v1 ?? v2;
  if (line === undefined) return [];
  const words = v1 === undefined ? V2 : V1;
  const path = line.split(":").slice(2).join(":");
  for (const mount of mounts) {
    const [before = "", after = ""] = mount.split(" - ");
    const [type, , options = ""] = after.split(" ");
    const right =
      v1 === undefined ? type === "cgroup2" : type === "cgroup" && options.split(",").includes("memory");
    if (!right) continue;
    const [, , , root = "/", point = ""] = before.split(" ");
    return foldersUpTo(point, below(root, path)).map((folder) => ({
      limit: join(folder, words.limit),
      used: join(folder, words.used),
      stat: join(folder, "memory.stat"),
      droppable: words.droppable,
    }));
  }
  return [];
}

/** The cgroup's path below the root of the mount; one outside of it is the root itself. */
function below(root: string, path: string): string {
  if (root === "/") return path;
  if (path === root || path.startsWith(`${root}/`)) return path.slice(root.length);
  return "/";
}

function foldersUpTo(point: string, path: string): string[] {
  const folders = [point];
  for (const part of path.split("/")) if (part !== "") folders.push(join(folders.at(-1)!, part));
  return folders.reverse();
}

function readLimit(file: string): number {
  const text = readText(file).trim();
  const limit = Number(text);
  // v1 tells "none" as a number near 2^63, v2 as "max".
  return text === "" || text === "max" || limit >= 2 ** 60 ? Number.POSITIVE_INFINITY : limit;
}

function statOf(text: string, key: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${key} `));
  return line === undefined ? 0 : Number(line.slice(key.length + 1));
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
