import { execFileSync } from "node:child_process";

const networks = new Set<SmallBuffers>();
process.once("exit", () => {
  for (const network of networks) network.remove();
});

/** A network of its own whose sockets hold next to nothing, so that the kernel takes most writes in parts only. */
export class SmallBuffers {
  readonly namespace: string;

  private constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** @returns undefined where network namespaces cannot be made: not Linux, no `ip`, or not root. */
  static create(): SmallBuffers | undefined {
    const namespace = `isobar-soak-${process.pid}`;
    try {
      execFileSync("ip", ["netns", "add", namespace], { stdio: "ignore" });
    } catch {
      return undefined;
    }
    const inside = (...command: string[]): void => {
      execFileSync("ip", ["netns", "exec", namespace, ...command], { stdio: "ignore" });
    };
    const made = new SmallBuffers(namespace);
    networks.add(made);
    inside("ip", "link", "set", "lo", "up");
    inside("sysctl", "-w", "net.ipv4.tcp_wmem=4096 4096 4096");
    inside("sysctl", "-w", "net.ipv4.tcp_rmem=4096 8192 8192");
    return made;
  }

  remove(): void {
    networks.delete(this);
    try {
      execFileSync("ip", ["netns", "delete", this.namespace], { stdio: "ignore" });
    } catch {
      // Removed already.
    }
  }
}
