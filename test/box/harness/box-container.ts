import { mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../../clients/harness/child.ts";
import type { Program } from "../../clients/harness/language.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import type { BoxNamespace } from "./box-namespace.ts";
import type { MemoryGroup } from "./memory-group.ts";
import type { Probe } from "./pod-template.ts";

const START_MS = 10_000;
const ENTRYPOINT = "/usr/local/bin/isobar";
/** What container runtimes let programs see of the machine's devices, as far as anybody looks. */
const DEVICES = ["full", "null", "random", "urandom", "zero"];

/** A file or folder of the machine that a container sees somewhere. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** What a container is, when everything that its Pod says has been worked out. */
export interface ContainerWish {
  readonly args: readonly string[];
  /** All of it. */
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly user: number;
  readonly group: number;
  readonly groups: readonly number[];
  /** Without `CAP_`. */
  readonly capabilities: readonly string[];
  /** undefined: there is no limit. */
  readonly memory: MemoryGroup | undefined;
  readonly hostname: string;
}

/** What the kernel says of a program's rights. */
export interface ProgramRights {
  readonly uids: string;
  readonly groups: string;
  /** Hexadecimal: effective, and at most. */
  readonly effective: string;
  readonly bounding: string;
  readonly noNewPrivileges: string;
}

const running = new Set<BoxContainer>();
process.on("exit", () => {
  for (const each of running) each.kill();
});

/**
 * A container as a runtime makes it of the image's file tree: processes, mounts, host name and environment of its own, a root that cannot be written, a user and the capabilities it is given.
 * Not as a runtime does it: no control group but for memory, no seccomp filter, no masked files of /proc.
 */
export class BoxContainer {
  readonly name: string;
  readonly #child: Child;
  readonly #wish: ContainerWish;
  readonly #log: string;
  #pid = 0;
  hasEnded = false;
  /** Known at its end, where the machine has control groups. */
  memoryUse: ReturnType<MemoryGroup["use"]> | undefined;

  private constructor(name: string, child: Child, wish: ContainerWish, log: string) {
    this.name = name;
    this.#child = child;
    this.#wish = wish;
    this.#log = log;
    running.add(this);
    void child.ended.then(() => {
      this.hasEnded = true;
      this.memoryUse = wish.memory?.use();
      running.delete(this);
      return wish.memory?.remove();
    });
  }

  /** @param machine its network. @param image the root of a file tree. @param log the file that its output goes to. */
  static async start(
    name: string,
    machine: BoxNamespace,
    image: string,
    wish: ContainerWish,
    log: string,
  ): Promise<BoxContainer> {
    makeMountPoints(image, wish.mounts);
    const script = [
      ...(wish.memory === undefined ? [] : [wish.memory.joining]),
      mountScript(image, wish.mounts),
      ...(wish.memory === undefined ? [] : [wish.memory.mounting(image)]),
      `echo "${wish.hostname}" >/proc/sys/kernel/hostname`,
      `exec >>"${log}" 2>&1`,
      `exec env -i "$@"`,
    ].join("\n");
    const inside = ["unshare", `--root=${image}`, "--wd=/isobar", ...becoming(wish), ENTRYPOINT];
    const spaces = ["--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"];
    const args = [...spaces, "sh", "-ec", script, "sh", ...environment(wish), ...inside, ...wish.args];
    const child = new Child(machine.enter({ command: "unshare", args }), []);
    const container = new BoxContainer(name, child, wish, log);
    await container.#findProgram();
    return container;
  }

  /** Whether it has a limit of memory. */
  get isLimited(): boolean {
    return this.#wish.memory !== undefined;
  }

  /** The program's, on the machine. */
  get pid(): number {
    return this.#pid;
  }

  get lines(): readonly string[] {
    try {
      return readFileSync(this.#log, "utf8").trimEnd().split("\n");
    } catch {
      return [];
    }
  }

  /** @returns a command that runs in it, as by `kubectl exec` and by probes: with its environment, user and capabilities. */
  entered(words: readonly string[]): Program {
    const spaces = ["--mount", "--uts", "--ipc", "--pid", "--net", "--root", "--wd"];
    const inside = ["nsenter", "-t", String(this.#pid), ...spaces, ...becoming(this.#wish), ...words];
    const joining = this.#wish.memory?.joining ?? "true";
    const shell = ["-ec", `${joining}; exec env -i "$@"`, "sh"];
    return { command: "sh", args: [...shell, ...environment(this.#wish), ...inside] };
  }

  /** Runs a probe's command once. @returns "" when it succeeded, else what there is to say. */
  async probe({ exec, timeoutSeconds = 1 }: Probe): Promise<string> {
    const { code, stdout, stderr } = await new Child(this.entered(exec.command), [])
      .waitForEnd(timeoutSeconds * 1_000)
      .catch((error: Error) => ({ code: null, stdout: "", stderr: error.message }));
    return code === 0 ? "" : `${exec.command.join(" ")} ended with ${code}: ${stdout}${stderr}`;
  }

  rights(): ProgramRights {
    const status = readFileSync(`/proc/${this.#pid}/status`, "utf8");
    const of = (name: string): string =>
      new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1]?.trim() ?? "";
    return {
      uids: of("Uid").replaceAll("\t", " "),
      groups: of("Groups"),
      effective: of("CapEff"),
      bounding: of("CapBnd"),
      noNewPrivileges: of("NoNewPrivs"),
    };
  }

  signal(name: NodeJS.Signals): void {
    if (this.#pid === 0 || this.hasEnded) return;
    try {
      process.kill(this.#pid, name);
    } catch {
      // It has ended in between.
    }
  }

  /** Ends it on the spot: who is first in a space of processes takes all others along. */
  kill(): void {
    this.signal("SIGKILL");
    this.#child.signal("SIGKILL");
  }

  /** Waits until it has ended, and kills it when that takes too long. @returns its exit code. */
  async waitForEnd(limitMs: number): Promise<number | null> {
    const timer = setTimeout(() => this.kill(), limitMs);
    const { code } = await this.#child.ended;
    clearTimeout(timer);
    return code;
  }

  /** The program is the one that `unshare` has made. */
  async #findProgram(): Promise<void> {
    const untilMs = performance.now() + START_MS;
    const unshare = this.#child.pid!;
    while (performance.now() < untilMs && !this.hasEnded) {
      const pid = Number(readQuietly(`/proc/${unshare}/task/${unshare}/children`).trim().split(" ")[0]);
      // Until then it is the shell that mounts.
      if (pid > 0 && programOf(pid).endsWith("/bin/node")) {
        this.#pid = pid;
        return;
      }
      await sleep(10);
    }
    const { stderr } = this.hasEnded ? await this.#child.ended : { stderr: "" };
    throw new Error(`${this.name} has not started: ${stderr}${this.lines.join("\n")}`);
  }
}

function environment({ env }: ContainerWish): readonly string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

function becoming({ user, group, groups, capabilities }: ContainerWish): readonly string[] {
  const given = capabilities.map((each) => `,+${each.toLowerCase()}`).join("");
  const ids = [`--reuid=${user}`, `--regid=${group}`, `--groups=${groups.join(",")}`];
  const rights = ["--inh-caps=-all", `--bounding-set=-all${given}`, "--no-new-privs"];
  return ["/usr/bin/setpriv", ...ids, ...rights, "--"];
}

/** Makes what is mounted upon, as runtimes do in the layer of the container. */
function makeMountPoints(image: string, mounts: readonly Mount[]): void {
  for (const name of ["proc", "sys", "dev", "isobar/node_modules"])
    mkdirSync(join(image, name), { recursive: true });
  for (const { source, target } of mounts) {
    const place = join(image, target);
    mkdirSync(dirname(place), { recursive: true });
    if (source.endsWith("/")) mkdirSync(place, { recursive: true });
    else writeFileSync(place, "", { flag: "a" });
  }
}

function mountScript(image: string, mounts: readonly Mount[]): string {
  const bind = (source: string, target: string, readOnly: boolean): readonly string[] => [
    `mount --bind "${source}" "${image}${target}"`,
    ...(readOnly ? [`mount -o remount,bind,ro "${image}${target}"`] : []),
  ];
  return [
    ...bind(image, "", true),
    ...bind(join(REPOSITORY, "node_modules"), "/isobar/node_modules", true),
    `mount -t proc proc "${image}/proc"`,
    ...bind(`${image}/proc/sys`, "/proc/sys", true),
    `mount -t sysfs -o ro sysfs "${image}/sys"`,
    `mount -t tmpfs -o mode=755,size=64k dev "${image}/dev"`,
    ...DEVICES.flatMap((name) => [
      `: >"${image}/dev/${name}"`,
      ...bind(`/dev/${name}`, `/dev/${name}`, false),
    ]),
    ...mounts.flatMap(({ source, target, readOnly }) => bind(source, target, readOnly)),
  ].join("\n");
}

function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return "";
  }
}

function readQuietly(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
