import { tmpdir } from "node:os";
import { ClusterPublisher, clusterMessage } from "../../../src/daemon/cluster-publisher.ts";
import { ACCEPTOR, DataPlaneThreads } from "../../../src/daemon/data-plane-threads.ts";
import type { ExitError } from "../../../src/daemon/exit-code.ts";
import { ProxyCounters } from "../../../src/daemon/proxy-counters.ts";
import type { WorkerToMain } from "../../../src/daemon/worker-messages.ts";
import { workerEntry } from "../../../src/daemon/worker-threads.ts";
import { GUARD_DEFAULTS } from "../../../src/proxy/guard/guard-options.ts";
import { LISTENER_DEFAULTS } from "../../../src/proxy/port/listener-door.ts";
import { CLUSTER_DEFAULTS } from "../../../src/resource/cluster.ts";
import { ENDPOINT_DEFAULTS, endpointKey } from "../../../src/resource/endpoint.ts";
import { SlotRegistry } from "../../../src/resource/slot-registry.ts";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { DOWNSTREAM_PROTOCOL_NAMES, WorkerColumn } from "../../../src/telemetry/worker-counters.ts";
import { ECHO } from "../../proxy/fixture/local-proxy.ts";
import { until } from "../../proxy/fixture/until.ts";
import { Breaker } from "./breaker.ts";

const MIB = 1_048_576;

/** What a test may choose. */
export interface ThreadRigOptions {
  /** Threads that can be broken; default: those of production. */
  readonly breakable?: boolean;
  /** Another acceptor than the real one. */
  readonly acceptorEntry?: URL;
  readonly unixPath?: string;
}

/** The threads of the data plane, real ones, with the main thread's part played here. */
export class ThreadRig {
  readonly counters: ProxyCounters;
  readonly slots: SlotRegistry;
  readonly publisher: ClusterPublisher;
  readonly threads: DataPlaneThreads;
  readonly breaker = new Breaker();
  readonly workerCount: number;
  /** Threads in the order of their deaths. */
  readonly gone: number[] = [];
  readonly faults: ExitError[] = [];
  readonly served: number[] = [];
  readonly messages: { readonly worker: number; readonly message: WorkerToMain }[] = [];
  readonly log: string[] = [];
  port = 0;
  /** Listeners that were opened, by whomever. */
  listening = 0;

  private constructor(workerCount: number, options: ThreadRigOptions) {
    this.workerCount = workerCount;
    this.counters = new ProxyCounters(workerCount);
    this.slots = new SlotRegistry({ workerCount });
    this.publisher = new ClusterPublisher({
      slots: this.slots,
      endpointCounters: this.counters.endpoints,
      workerCount,
      broadcast: (message) => this.threads.broadcast(message),
      onPublished: () => undefined,
      onRemoved: () => undefined,
      onComplete: () => undefined,
      onRefused: (_, reason) => this.log.push(reason),
    });
    const listeners = [{ name: "local", address: "127.0.0.1:0", ...LISTENER_DEFAULTS }];
    if (options.unixPath !== undefined)
      listeners.push({ name: "unix", address: `unix:${options.unixPath}`, ...LISTENER_DEFAULTS });
    const log = createLog({ stream: { write: (line) => void this.log.push(line) } });
    const breakable = options.breakable === true;
    this.threads = new DataPlaneThreads(
      {
        workerEntry: breakable ? new URL("./breakable-worker.ts", import.meta.url) : workerEntry(),
        acceptorEntry:
          options.acceptorEntry ??
          (breakable ? new URL("./breakable-acceptor.ts", import.meta.url) : undefined),
        workerCount,
        listeners,
        start: {
          node: { id: tmpdir(), zone: "", region: "" },
          slabOctets: 32 * MIB,
          guard: GUARD_DEFAULTS,
          maxRequestBodyOctets: 0,
          maxTlsHandshakes: 10,
          overload: this.counters.overload.buffer,
          poison: true,
          endpointCounters: this.counters.endpoints.buffers,
          outcomes: this.counters.outcomes.buffer,
          workerCounters: this.counters.workers.buffer,
        },
        counters: this.counters,
        log,
      },
      {
        state: () => [
          ...[...this.publisher.clusters].map((each) => clusterMessage(each)),
          { kind: "snapshot-complete" },
        ],
        onListening: (message) => {
          this.listening++;
          if (message.name === "local") this.port = message.port;
        },
        onListenFailed: (name, error) => this.log.push(`${name}: ${error}`),
        onServing: (worker) => this.served.push(worker),
        onMessage: (worker, message) => {
          this.messages.push({ worker, message });
          if (message.kind === "epoch")
            this.slots.acknowledge(worker, message.endpointSlots, message.clusterSlots);
        },
        onGone: (thread) => {
          this.gone.push(thread);
          if (thread === ACCEPTOR) return;
          this.counters.retireWorker(thread, this.publisher.clusters);
          this.slots.workerGone(thread);
        },
        onFault: (error) => this.faults.push(error),
      },
    );
  }

  /** @param ports of the cluster {@link ECHO}'s endpoints. */
  static async start(
    workerCount: number,
    ports: readonly number[],
    options: ThreadRigOptions = {},
  ): Promise<ThreadRig> {
    const rig = new ThreadRig(workerCount, options);
    rig.apply(ports);
    rig.publisher.complete();
    await until("the data plane listens", () => rig.listening >= (options.unixPath === undefined ? 1 : 2), {
      limitMs: 15_000,
      seen: () => [...rig.log, ...rig.faults].join("\n"),
    }).catch(async (error) => {
      // Its threads would keep the test's process alive.
      await rig.close();
      throw error;
    });
    return rig;
  }

  apply(ports: readonly number[]): void {
    const endpoints = ports.map((port) => ({
      key: endpointKey(ECHO, "127.0.0.1", port),
      address: "127.0.0.1",
      port,
      ...ENDPOINT_DEFAULTS,
    }));
    this.publisher.upsert({ ...CLUSTER_DEFAULTS, name: ECHO, endpoints });
  }

  /** Client connections by worker. */
  get connections(): number[] {
    return Array.from({ length: this.workerCount }, (_, worker) => {
      const row = this.counters.workers.row(worker);
      return DOWNSTREAM_PROTOCOL_NAMES.reduce(
        (sum, _name, cell) => sum + row[WorkerColumn.downstreamConnections + cell]!,
        0,
      );
    });
  }

  /** A column of the cluster, by worker. */
  column(column: number): number[] {
    const { counters } = [...this.publisher.clusters][0]!;
    return Array.from({ length: this.workerCount }, (_, worker) => counters.row(worker)[column]!);
  }

  get attempts(): number[] {
    return this.column(ClusterColumn.attempts);
  }

  get connectFailures(): number[] {
    return this.column(ClusterColumn.upstreamConnectFailures);
  }

  get inFlight(): number {
    return this.counters.endpoints.inFlight.reduce((sum, each) => sum + each, 0);
  }

  async close(): Promise<void> {
    await this.threads.terminate();
    this.breaker.close();
  }
}
