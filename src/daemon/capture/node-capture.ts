import { rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { CaptureStatus } from "../../admin/node-status.ts";
import type { Config } from "../../config/config.ts";
import { parseSocketAddress } from "../../config/socket-address.ts";
import { AnyIp } from "../../resource/any-ip.ts";
import type { Caller } from "../../resource/caller.ts";
import type { CapturedService } from "../../resource/captured-service.ts";
import type { Cluster } from "../../resource/cluster.ts";
import type { CaptureCounts } from "../../telemetry/capture-metrics.ts";
import type { Log } from "../../telemetry/log.ts";
import type { SourceNames } from "../../telemetry/source-names.ts";
import type { CallerView } from "../../xds/resources/caller-view.ts";
import type { CaptureView } from "../../xds/resources/capture-view.ts";
import type { MainToWorker } from "../worker-messages.ts";
import type { NumberedCallers } from "./caller-numbers.ts";
import { CallerNumbers } from "./caller-numbers.ts";
import { canaryCluster } from "./canary-cluster.ts";
import { capturePlan } from "./capture-plan.ts";
import { CaptureState } from "./capture-state.ts";
import { closeDeadLedgers, readLedgers } from "./dead-generations.ts";
import { formerGenerations } from "./former-generations.ts";
import { Ledger } from "./ledger.ts";
import type { LedgerCounts } from "./ledger-record.ts";
import { REPORT_FILE, ReportWatch } from "./report-watch.ts";
import { readRunFile, writeRunFile } from "./run-file.ts";
import { ServiceNumbers } from "./service-numbers.ts";
import type { ViewAgeOptions } from "./view-age.ts";
import { ViewAge } from "./view-age.ts";

/** What a {@link NodeCapture} works with. */
export interface NodeCaptureOptions {
  readonly config: NonNullable<Config["capture"]>;
  readonly workers: number;
  /** A control plane says who calls and what is captured: before it has, nobody is to be sent here. undefined: there is none. */
  readonly views: ViewAgeOptions | undefined;
  readonly broadcast: (message: MainToWorker) => void;
  /** Puts the cluster of canaries in force. */
  readonly publish: (cluster: Cluster) => void;
  /** Gives callers' namespaces the numbers that metrics go by. */
  readonly sources: SourceNames;
  /** What this process has done. */
  readonly counts: () => LedgerCounts;
  /** As {@link LedgerOptions.mark}. */
  readonly countsMark: () => number;
  /** Another generation has taken the place of this one: it is to leave. */
  readonly onSuperseded: (by: string) => void;
  /** Whether this generation should get connections, and whether it is leaving. */
  readonly state: () => { readonly ready: boolean; readonly draining: boolean };
  readonly log: Log;
}

const WRITE_MS = 500;
const LOOK_FOR_DEAD_TURNS = 10;

/**
 * The node's traffic as the main thread has it: which services have which number, which pods call, and the files by which
 * `isobar capture` is told, and tells.
 *
 *     <runDir>/<generation>/generation.json   that this process lives, its port, whether it is ready
 *     <runDir>/<generation>/plan.json         what is to be captured, from whom, and where to
 *     <runDir>/capture.json                   written by `isobar capture`: which generation gets connections
 */
export class NodeCapture {
  readonly generation: string;
  readonly #options: NodeCaptureOptions;
  readonly #folder: string;
  readonly #anyIp: AnyIp;
  readonly #numbers = new ServiceNumbers();
  readonly #startedMs = Date.now();
  readonly #state = new CaptureState();
  readonly #age: ViewAge | undefined;
  readonly #numbersOfCallers: CallerNumbers;
  #callers: readonly Caller[] = [];
  #numbered: NumberedCallers = { callers: [], leftClasses: [] };
  #configured: readonly Caller[] = [];
  #viewed: readonly Caller[] | undefined;
  #hasCallers = false;
  #hasServices = false;
  #told = { ready: false, draining: false };
  #port = 0;
  #planned = "";
  #planIsOld = true;
  /** The plan that the kernel has; "" while it has none, or an older one. */
  #inForce = "";
  #echoPort = 0;
  #closed = false;
  #turns = 1;
  #ledger: Ledger | undefined;
  #writeFailed = false;
  #reportWatch: ReportWatch | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: NodeCaptureOptions) {
    const { POD_UID = "" } = process.env;
    this.#options = options;
    const { generation, runDir, anyIp } = options.config;
    const ownName = `${this.#startedMs.toString(36)}-${process.pid}`;
    this.generation = generation ?? (/^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/.test(POD_UID) ? POD_UID : ownName);
    this.#folder = join(runDir, this.generation);
    this.#anyIp = new AnyIp(anyIp);
    this.#age = options.views && new ViewAge(options.views);
    this.#numbersOfCallers = new CallerNumbers(options.sources);
  }

  /** Begins to write, so that the folder is there; {@link close} ends it. */
  start(): void {
    this.#write();
    this.#reportDead();
    this.#ledger = new Ledger({
      path: join(this.#options.config.runDir, "ledger", `${this.generation}.jsonl`),
      read: this.#options.counts,
      mark: this.#options.countsMark,
      onFailed: (error) =>
        this.#options.log.error("capture: the ledger cannot be written", { error: String(error) }),
    });
    this.#publishCanary(0);
    this.#reportWatch = new ReportWatch(this.#options.config.runDir, () => this.#readReport());
    this.#timer = setInterval(() => this.#turn(), WRITE_MS);
  }

  /** The port is open. */
  listening(port: number): void {
    this.#port = port;
    this.#write();
  }

  /** Readiness, or whether this generation leaves, may have changed. */
  stateChanged(): void {
    const { ready, draining } = this.#stateNow();
    if (ready !== this.#told.ready || draining !== this.#told.draining) this.#write();
  }

  #stateNow(): { readonly ready: boolean; readonly draining: boolean } {
    const { ready, draining } = this.#options.state();
    return { ready: ready && this.notReadyReason === undefined, draining };
  }

  /** Why this process should get nothing of the node's traffic yet, in words; undefined when it may. */
  get notReadyReason(): string | undefined {
    if (this.#port === 0) return "the port of captured connections is not open yet";
    if (this.#options.views === undefined) return undefined;
    const missing = [
      ...(this.#hasCallers ? [] : ["which pods of this node call"]),
      ...(this.#hasServices ? [] : ["which services are captured"]),
    ];
    return missing.length === 0 ? undefined : `the control plane has not said yet ${missing.join(", and ")}`;
  }

  /** What a control plane says is taken from here; as long as it says nothing, what the configuration has counts. */
  readonly views = {
    onCallers: (view: CallerView | undefined): void => {
      this.#viewed = view?.callers;
      this.#renewCallers();
      this.#hasCallers ||= view !== undefined;
      this.stateChanged();
    },
    onCapture: (view: CaptureView | undefined): void => {
      this.setServices(view?.services ?? this.#options.config.services);
      this.#hasServices ||= view !== undefined;
      this.stateChanged();
    },
  };

  /** The pods of this node, as the configuration has them. */
  setConfigured(callers: readonly Caller[]): void {
    this.#configured = callers;
    this.#renewCallers();
  }

  #renewCallers(): void {
    const isStale = this.#age?.isStale === true;
    const viewed = isStale ? undefined : this.#viewed;
    this.#setCallers(viewed ?? this.#configured, isStale ? this.#viewed : undefined);
  }

  /** What nobody stands behind any more says nothing of who has an address now. It counts again when somebody does. */
  #lookAtAge(): void {
    if (this.#age?.look() !== true) return;
    const { log, views } = this.#options;
    const pods = this.#viewed?.length ?? 0;
    if (this.#age.isStale) {
      log.error(
        "no control plane has confirmed the pods of this node for too long: new connections of theirs are not taken any more, those that stand go on",
        { pods, maxStaleMs: views!.maxStaleMs },
      );
    } else log.info("a control plane is there again, the pods of this node count", { pods });
    this.#renewCallers();
  }

  #setCallers(callers: readonly Caller[], doubted: readonly Caller[] | undefined): void {
    if (isDeepStrictEqual(callers, this.#callers)) return;
    this.#callers = callers;
    this.#numbered = this.#numbersOfCallers.apply(callers, doubted);
    this.#options.broadcast({ kind: "callers", ...this.#numbered });
    this.#planIsOld = true;
    this.#writePlan();
  }

  /** What is captured, on all nodes. */
  setServices(services: readonly CapturedService[]): void {
    const { added, removed, refused } = this.#numbers.apply(services);
    if (refused.length > 0) {
      this.#options.log.error("too many services were captured since the start, further ones are not", {
        refused: refused.length,
        first: refused[0]!,
      });
    }
    if (added.length + removed.length > 0) this.#options.broadcast({ kind: "captured", added, removed });
    this.#planIsOld = true;
    this.#writePlan();
  }

  /** What a worker is told that takes the place of a dead one. */
  *messages(): Iterable<MainToWorker> {
    const { callers } = this.#numbered;
    if (callers.length > 0) yield { kind: "callers", callers, leftClasses: [] };
    const added = this.#numbers.services.map(({ number, service }) => ({ number, service }));
    if (added.length > 0) yield { kind: "captured", added, removed: [] };
  }

  /** Whether connections may still come to this generation by `isobar capture`. */
  get isCurrent(): boolean {
    return this.#state.current === this.generation && this.#state.isFresh(Date.now());
  }

  /** Whether new connections are led to this generation: not while the gate is closed, as when it leaves and there is no other. */
  get isLedHere(): boolean {
    return this.isCurrent && this.#state.isOpen;
  }

  /** For metrics. */
  get counts(): CaptureCounts {
    const isAlive = this.#state.isFresh(Date.now());
    const own = { generation: this.generation, startedMs: this.#startedMs };
    const former = formerGenerations(this.#options.config.runDir, own, Date.now());
    const { generation } = this;
    return { generation, former, isCurrent: this.isCurrent, isAlive, ...this.#state.counts };
  }

  /** The pods of this node. */
  get callers(): readonly Caller[] {
    return this.#callers;
  }

  /** What `isobar capture` does with this process. */
  get state(): Pick<CaptureStatus, "current" | "alive" | "open" | "closedBecause" | "planInForce"> {
    const alive = this.#state.isFresh(Date.now());
    const open = alive && this.#state.isOpen;
    return {
      current: alive ? (this.#state.current ?? "") : "",
      alive,
      open,
      closedBecause: open
        ? ""
        : alive
          ? this.#state.closedBecause
          : "isobar capture does not run on this node",
      planInForce: this.#planned !== "" && this.#inForce === this.#planned,
    };
  }

  /** For people. */
  get status(): object {
    return {
      generation: this.generation,
      port: this.#port,
      current: this.#state.current ?? "",
      isCurrent: this.isCurrent,
      plan: this.#planned,
      planInForce: this.#inForce,
      services: this.#numbers.services.length,
      callers: this.#callers,
      ledgers: readLedgers(this.#options.config.runDir, Date.now()),
    };
  }

  /** Takes the files away that speak of this process: it is gone. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#reportWatch?.close();
    this.#ledger?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What former generations on this node have lost, where they could not say so themselves. */
  #reportDead(): void {
    const { config, log } = this.#options;
    this.#try(() => {
      for (const { generation, record } of closeDeadLedgers(config.runDir, this.generation, Date.now())) {
        log.error("a former proxy of this node died", {
          generation,
          lastRecord: new Date(record.atMs).toISOString(),
          streamsLostAtLeast: record.lostAtLeast!,
          streamsLostAtMost: record.lostAtMost!,
        });
      }
    });
  }

  #turn(): void {
    this.#lookAtAge();
    this.#write();
    // One that was killed a moment ago is not known to be dead at once.
    if (this.#turns++ % LOOK_FOR_DEAD_TURNS === 0) this.#reportDead();
    this.#readReport();
  }

  #readReport(): void {
    const content = readRunFile(join(this.#options.config.runDir, REPORT_FILE));
    if (content === undefined) return;
    const wasCurrent = this.#state.current === this.generation;
    this.#state.update(content, this.generation);
    this.#publishCanary(this.#state.echoPort);
    const { current } = this.#state;
    const isInForce = this.isCurrent && this.#state.planVersion === this.#planned && !this.#planIsOld;
    if (isInForce && this.#inForce !== this.#planned) this.#options.broadcast({ kind: "plan-in-force" });
    this.#inForce = isInForce ? this.#planned : "";
    if (
      wasCurrent &&
      current !== undefined &&
      current !== this.generation &&
      this.#state.isFresh(Date.now())
    ) {
      this.#options.onSuperseded(current);
    }
  }

  #publishCanary(echoPort: number): void {
    if (echoPort === this.#echoPort && echoPort !== 0) return;
    if (echoPort === 0 && this.#echoPort !== 0) return;
    this.#echoPort = echoPort;
    this.#options.publish(canaryCluster(echoPort));
  }

  #write(): void {
    if (this.#closed) return;
    const { ready, draining } = this.#stateNow();
    this.#told = { ready, draining };
    this.#try(() =>
      writeRunFile(join(this.#folder, "generation.json"), {
        format: 1,
        generation: this.generation,
        startedMs: this.#startedMs,
        pid: process.pid,
        port: this.#port,
        workers: this.#options.workers,
        ready,
        draining,
        openStreams: this.#options.counts().open,
        writtenMs: Date.now(),
      }),
    );
    this.#writePlan();
  }

  #writePlan(): void {
    if (this.#closed || !this.#planIsOld) return;
    const { HOST_IP = "" } = process.env;
    const { address, hostAddress, anyIp } = this.#options.config;
    const stable = parseSocketAddress(address)!;
    if (stable.kind !== "ip") return;
    const hosts = [stable.host, hostAddress || HOST_IP].filter((host) => host !== "");
    const plan = capturePlan({
      generation: this.generation,
      ranges: anyIp,
      anyIp: this.#anyIp,
      services: this.#numbers.services,
      callers: this.#callers,
      entries: hosts.map((host) => ({ address: host, port: stable.port })),
    });
    this.#try(() => {
      if (plan.version !== this.#planned) writeRunFile(join(this.#folder, "plan.json"), plan);
      this.#planned = plan.version;
      this.#planIsOld = false;
    });
  }

  /** What cannot be written now is written with the next turn; it is said once. */
  #try(write: () => void): void {
    try {
      write();
      this.#writeFailed = false;
    } catch (error) {
      if (!this.#writeFailed) {
        this.#options.log.error("capture: what this proxy does cannot be told to isobar capture", {
          folder: this.#folder,
          error: String(error),
        });
      }
      this.#writeFailed = true;
    }
  }
}
