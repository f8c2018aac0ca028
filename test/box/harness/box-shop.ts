import { build } from "../../clients/harness/build.ts";
import { go } from "../../clients/harness/go.ts";
import { until } from "../../e2e/harness/until.ts";
import { BoxCluster } from "./box-cluster.ts";
import type { BoxNode } from "./box-node.ts";
import type { BoxPod } from "./box-pod.ts";
import type { BoxService } from "./box-service.ts";

/** The port of the node's stable address, and the address: what modes `address` and `proxy-env` dial. */
export const DOOR = "169.254.77.1:15001";

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
  readonly backends: readonly BoxPod[];

  private constructor(box: BoxCluster, echo: BoxService, backends: readonly BoxPod[]) {
    this.box = box;
    this.echo = echo;
    this.backends = backends;
  }

  static async open(options: ShopOptions = {}): Promise<BoxShop> {
    const { nodes = 1, backends: count = 3, annotations = { mode: "transparent" }, isobar = true } = options;
    const tools = go.findToolchain();
    if ("missing" in tools) throw new Error(tools.missing);
    await build(go, tools.versions);
    const box = await BoxCluster.open(nodes);
    try {
      await box.namespace("shop", annotations);
      const echo = await box.service("shop", "echo");
      const backends: BoxPod[] = [];
      for (let index = 0; index < count; index++) {
        const pod = await box.pod("shop", `echo-${index}`, { node: index % nodes });
        await pod.serve(echo.port);
        backends.push(pod);
      }
      await echo.add(...backends);
      const shop = new BoxShop(box, echo, backends);
      if (isobar) await shop.start();
      return shop;
    } catch (error) {
      await box[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts control plane, and proxy and capture on each node, and waits until they are at work. */
  async start(more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.box.startControlPlane();
    await Promise.all(
      this.box.nodes.map(async (node) => {
        const proxy = node.startProxy(more);
        node.startCapture();
        await proxy.ready();
        await current(node, proxy.generation);
      }),
    );
  }

  /** @returns how many calls each backend has begun whose ids begin so, by its name. */
  calls(prefix: string): Readonly<Record<string, number>> {
    const counts = this.backends.map(
      (each) => [each.name, each.calls().filter((id) => id.startsWith(prefix)).length] as const,
    );
    return Object.fromEntries(counts);
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
