import { spawnSync } from "node:child_process";
import type { Program } from "../../clients/harness/language.ts";

const FOLDER = "/run/netns";

/** A network namespace: a node, a Pod or what lies between the nodes. */
export class BoxNamespace {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  /** @param name unique on this machine. @param settings sysctls below `net`, such as `ipv4/ip_forward=1`. */
  static make(name: string, settings: readonly string[] = []): BoxNamespace {
    run("ip", ["netns", "add", name]);
    const made = new BoxNamespace(name);
    // What makes IPv6 addresses wait for a second: nobody else has them here.
    const all = ["ipv6/conf/all/accept_dad=0", "ipv6/conf/default/accept_dad=0", ...settings];
    const writes = all
      .map((each) => each.split("="))
      .map(([path, value]) => `echo ${value} >/proc/sys/net/${path}`);
    made.run("sh", ["-ec", writes.join("\n")]);
    made.ip("link set lo up");
    return made;
  }

  /** Takes a namespace away by its name, and what still runs in it: whoever made it is dead. */
  static removeAbandoned(name: string): void {
    const { stdout } = spawnSync("ip", ["netns", "pids", name], { encoding: "utf8" });
    for (const pid of stdout.split("\n").filter((line) => line !== "")) killQuietly(Number(pid));
    spawnSync("ip", ["netns", "del", name]);
  }

  /** Runs several commands of ip in it, each without the word ip. */
  ip(...commands: readonly string[]): void {
    run("ip", ["-n", this.name, "-batch", "-"], commands.join("\n"));
  }

  /** Loads a text of nftables, in one transaction. */
  nft(text: string): void {
    this.run("nft", ["-f", "-"], text);
  }

  /** Runs a command in it to its end. @returns its standard output. */
  run(command: string, args: readonly string[], input = ""): string {
    const entered = this.enter({ command, args });
    return run(entered.command, entered.args, input);
  }

  /**
   * @returns the program, to be run in this namespace. Only the network is another one: `ip netns exec` would hide the
   * control groups, too, from which programs read their memory limit.
   */
  enter({ command, args, env }: Program): Program {
    const entered = [`--net=${FOLDER}/${this.name}`, "--", command, ...args];
    return { command: "nsenter", args: entered, ...(env === undefined ? {} : { env }) };
  }

  remove(): void {
    spawnSync("ip", ["netns", "del", this.name]);
  }
}

function run(command: string, args: readonly string[], input = ""): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", input });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}${input}`);
  return stdout;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended in between.
  }
}
