import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Child } from "../../clients/harness/child.ts";
import { go } from "../../clients/harness/go.ts";
import type { Manifest } from "../../kube/harness/kube-writer.ts";

const READY_LIMIT_MS = 30_000;
/** Longer than the longest call of the load. */
const FINISH_LIMIT_MS = 20_000;

/** How a Pod stands in its slice. */
export type PodState = "ready" | "terminating";

/** A server of the suite, a Pod as far as slices know, which notes the calls it gets. */
export class Pod {
  readonly name: string;
  readonly address: string;
  readonly #child: Child;
  readonly #journal: string;
  #readOctets = 0;

  private constructor(name: string, address: string, child: Child, journal: string) {
    this.name = name;
    this.address = address;
    this.#child = child;
    this.#journal = journal;
  }

  static async start(name: string, host: string, folder: string): Promise<Pod> {
    const journal = join(folder, `${name}.journal`);
    const args = ["serve", "--host", host, "--port", "0", "--name", name, "--journal", journal];
    const child = new Child(go.program, args);
    const [, address] = await child.waitForOutput(/^ready (\S+)$/m, READY_LIMIT_MS);
    return new Pod(name, address!, child, journal);
  }

  /** @returns the beginnings of the ids of calls that have come since this was last asked: whose they are. */
  newCallers(): Set<string> {
    const text = readFileSync(this.#journal);
    const callers = new Set<string>();
    const end = text.lastIndexOf("\n") + 1;
    for (const id of text.toString("utf8", this.#readOctets, end).split("\n")) {
      const [, caller] = /^(.+)-(?:unary\d|long|short)-\d+$/.exec(id) ?? [];
      if (caller !== undefined) callers.add(caller);
    }
    this.#readOctets = end;
    return callers;
  }

  /** @returns the slice of just this Pod: each has a port of its own. */
  slice(service: string, namespace: string, state: PodState = "ready"): Manifest {
    const [host = "", port = ""] = this.address.split(":");
    const isReady = state === "ready";
    return {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `${service}-${this.name}`,
        namespace,
        labels: {
          "kubernetes.io/service-name": service,
          "endpointslice.kubernetes.io/managed-by": "isobar-e2e",
        },
      },
      addressType: "IPv4",
      ports: [{ name: "grpc", port: Number(port), protocol: "TCP" }],
      endpoints: [
        {
          addresses: [host],
          conditions: { ready: isReady, serving: true, terminating: !isReady },
          targetRef: { kind: "Pod", namespace, name: this.name, uid: `uid-${this.name}` },
        },
      ],
    };
  }

  /** Lets its calls finish, as a Pod that got SIGTERM does. */
  async finish(): Promise<void> {
    this.#child.signal("SIGTERM");
    await this.#child.waitForEnd(FINISH_LIMIT_MS);
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}
