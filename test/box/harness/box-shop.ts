import { setTimeout as sleep } from "node:timers/promises";
import { go } from "../../clients/harness/go.ts";
import { until } from "../../e2e/harness/until.ts";
import { BoxCluster } from "./box-cluster.ts";
import type { BoxNode } from "./box-node.ts";
import type { BoxPod } from "./box-pod.ts";
import type { ProxyWish } from "./box-proxy.ts";
import type { BoxService } from "./box-service.ts";
import { buildPrograms } from "./missing-for-box.ts";

/** The port of the node's stable address, and the address: what modes `address` and `proxy-env` dial. */
export const DOOR = "169.254.77.1:15001";

const LOOK_MS = 50;

/** What a test's shop is. */
export interface ShopOptions {
  readonly nodes?: number;
  /** Echo servers, by turns on the nodes. */
  readonly backends?: number;
  /** Of the namespace, without their prefix. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Whether control plane, proxies and capture run from the beginning. */
  readonly isobar?: boolean;
}

/** The cluster of most tests: a Service `echo` in the namespace `shop`, with Isobar on all nodes. */
export class BoxShop implements AsyncDisposable {
  readonly box: BoxCluster;
  readonly echo: BoxService;
  readonly backends: BoxPod[] = [];

  private constructor(box: BoxCluster, echo: BoxService) {
    this.box = box;
    this.echo = echo;
  }

  static async open(options: ShopOptions = {}): Promise<BoxShop> {
    const { nodes = 1, backends: count = 3, annotations = { mode: "transparent" }, isobar = true } = options;
    await buildPrograms([go]);
    const box = await BoxCluster.open(nodes);
    try {
      await box.namespace("shop", annotations);
      const echo = await box.service("shop", "echo");
      const shop = new BoxShop(box, echo);
      await shop.addBackends(count);
      if (isobar) await shop.start();
      return shop;
    } catch (error) {
      await box[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts control plane, and proxy and capture on each node, and waits until they are at work. */
  async start(wish: Pick<ProxyWish, "more" | "breakable"> = {}): Promise<void> {
    await this.box.startControlPlane();
    await Promise.all(
      this.box.nodes.map(async (node) => {
        const proxy = node.startProxy(wish);
        node.startCapture();
        await proxy.ready();
        await current(node, proxy.generation);
      }),
    );
  }

  /** Starts more echo servers, by turns on the nodes. */
  async addBackends(count: number): Promise<void> {
    const { box, echo, backends } = this;
    const pods: BoxPod[] = [];
    for (let index = backends.length; pods.length < count; index++) {
      const pod = await box.pod("shop", `echo-${index}`, {
        node: index % box.nodes.length,
        labels: { app: "echo" },
      });
      await pod.serve(echo.port);
      pods.push(pod);
    }
    await echo.add(...pods);
    backends.push(...pods);
  }

  /** @returns how many of a client's calls each backend has begun, by its name. */
  calls(client: string): Readonly<Record<string, number>> {
    return Object.fromEntries(this.backends.map((each) => [each.name, each.callsOf(client)]));
  }

  /**
   * Looks for a while at the calls that begin.
   *
   * @param clients by what the ids of their calls begin with. @returns for each the longest time, in milliseconds, in which none began.
   */
  async longestGaps(clients: readonly string[], watchMs: number): Promise<Readonly<Record<string, number>>> {
    const total = (client: string): number =>
      Object.values(this.calls(client)).reduce((sum, each) => sum + each, 0);
    const startMs = performance.now();
    const seen = new Map(
      clients.map((client) => [client, { count: total(client), atMs: startMs, gapMs: 0 }]),
    );
    for (let nowMs = startMs; nowMs < startMs + watchMs; nowMs = performance.now()) {
      await sleep(LOOK_MS);
      for (const [client, each] of seen) {
        const count = total(client);
        const atMs = performance.now();
        each.gapMs = Math.max(each.gapMs, atMs - each.atMs);
        if (count > each.count) Object.assign(each, { count, atMs });
      }
    }
    return Object.fromEntries([...seen].map(([client, { gapMs }]) => [client, Math.round(gapMs)]));
  }

  /** How evenly the calls are spread that begin in a while. @returns for each client the largest backend's part times their number: 1 is even. */
  async skews(clients: readonly string[], watchMs: number): Promise<Readonly<Record<string, number>>> {
    const before = clients.map((client) => this.calls(client));
    await sleep(watchMs);
    const skews = clients.map((client, index) => {
      const counts = Object.entries(this.calls(client)).map(([name, count]) => count - before[index]![name]!);
      const total = counts.reduce((sum, each) => sum + each, 0);
      return [client, Math.round((Math.max(...counts) / total) * counts.length * 100) / 100] as const;
    });
    return Object.fromEntries(skews);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.box[Symbol.asyncDispose]();
  }
}

/** Waits until capture sends new connections to this generation. @returns how long it took, in milliseconds. */
export function current(node: BoxNode, generation: string): Promise<number> {
  return until(
    `${node.name}: ${generation} is current`,
    () => node.captureState()?.current === generation,
    () => node.trouble(),
    20_000,
  );
}

/** Waits until the kernel of its node takes a Pod's connections, or does not any more. */
export function captured(node: BoxNode, pod: BoxPod, isWanted = true): Promise<number> {
  return until(
    `${pod.name} is ${isWanted ? "" : "not "}captured`,
    () =>
      node.holds(
        ({ callers }) =>
          callers.some(({ uid, mode }) => uid === pod.uid && mode === "transparent") === isWanted,
      ),
    () => node.trouble(),
    20_000,
  );
}
