import { setTimeout as sleep } from "node:timers/promises";
import { captureLog } from "./capture-log.ts";
import type { CaptureReport, GenerationReport } from "./capture-report.ts";
import type { Decision } from "./decide.ts";
import { decide } from "./decide.ts";
import { endConnections } from "./end-connections.ts";
import { FolderWatches } from "./folder-watches.ts";
import { GateLapses } from "./gate-lapses.ts";
import { GenerationWatch } from "./generation-watch.ts";
import type { InstalledTable } from "./installed-table.ts";
import { listBypassed } from "./nft.ts";
import { PathWatch } from "./path-watch.ts";
import type { Plan } from "./plan.ts";
import { Reclaimer } from "./reclaimer.ts";
import { ReportWriter } from "./report-writer.ts";
import { routesOf } from "./routes.ts";
import type { RunFolder } from "./run-folder.ts";
import type { TableContent } from "./table-content.ts";
import { tableContent } from "./table-content.ts";
import type { Gate } from "./table-text.ts";
import { CLOSED_SECONDS, resetFlows } from "./table-text.ts";

/** Connections past the proxy are not reset before new ones have gone to it for so long. */
const SETTLED_MS = 5_000;
/** The gate is renewed by each round of canaries; without one, things are looked at this often. */
const QUIET_MS = 900;
/** What is inherited is replaced so long before it runs out at the latest, and looked at this often until then. */
const INHERITED_REST_MS = 750;
const TAKE_OVER_LOOK_MS = 20;
/** Above so many connections past the proxy they are listed less often. */
const MANY_FLOWS = 2_000;
const LIST_MANY_EVERY_MS = 5_000;

/** What {@link Capture} is built of. */
export interface CaptureOptions {
  readonly folder: RunFolder;
  /** Where that is, for watches. */
  readonly runDir: string;
  readonly table: InstalledTable;
  /** Name of the table. */
  readonly tableName: string;
  readonly echoPort: number;
}

/**
 * Keeps the node's table in step with its proxies: looks at their files, asks them by canaries, decides, and applies it, one transaction at a time.
 * Everything that lets traffic come to a proxy runs out by itself within 3 s when this stops doing so.
 */
export class Capture {
  readonly #options: CaptureOptions;
  readonly #watches = new Map<string, GenerationWatch>();
  readonly #path = new PathWatch();
  readonly #reclaimer = new Reclaimer();
  readonly #lapses = new GateLapses();
  readonly #files: FolderWatches;
  readonly #reports: ReportWriter;
  #inherited: ReadonlyMap<number, number> = new Map();
  #current: string | undefined;
  #plan: Plan | undefined;
  #planVersion = "";
  #alivePorts = new Set<number>();
  #openSinceMs = Number.NaN;
  #lastMs = Number.NaN;
  #failOpenSeconds = 0;
  #bypassed = new Map<string, number>();
  #lastBypassing = 0;
  #lastPast = 0;
  #listedAtMs = Number.NEGATIVE_INFINITY;
  #lastWordMs = 0;
  #closedBecause = "no proxy has answered yet";
  #problem = "";
  #busy: Promise<void> | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #isAgain = false;
  #isDue = false;
  #hasBegun = false;
  #isClosed = false;

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#reports = new ReportWriter(options.folder);
    this.#files = new FolderWatches(options.runDir, () => void this.#refresh(false));
  }

  /**
   * Takes over what another capture has left, or begins on a node without. Proxies are asked before the table is replaced, so that connections
   * which the table before let live are not reset in between.
   *
   * @throws CommandFailure when this node does not let us.
   */
  async begin(): Promise<void> {
    const beganMs = performance.now();
    const left = await this.#options.table.inherited();
    this.#inherited = new Map([...left].map(([port, ms]) => [port, beganMs + ms]));
    this.#report(undefined);
    await this.#reports.done;
    await this.#look();
    await Promise.all([...this.#watches.values()].map((watch) => watch.ask()));
    // Proxies hear of our echo server a moment later. So long what the other has left holds, by its own time: closing it would lead new connections past, and refuse those of callers that fail closed.
    const untilMs = Math.max(...this.#inherited.values()) - INHERITED_REST_MS;
    while (performance.now() < untilMs && !this.#wouldOpen()) {
      await sleep(TAKE_OVER_LOOK_MS);
      await this.#look();
    }
    await this.#step();
    this.#hasBegun = true;
  }

  #wouldOpen(): boolean {
    const views = [...this.#watches.values()].map((watch) => watch.view());
    const nowMs = performance.now();
    return decide(views, this.#current, nowMs).openUntilMs > nowMs;
  }

  /** To be called each second: does what nothing else has caused within the last one. */
  async tick(): Promise<void> {
    await this.#refresh(performance.now() - this.#lastMs > QUIET_MS);
  }

  /** Stops. @param handsOver whether another capture goes on with the table at once. */
  async end(handsOver: boolean): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#expiry);
    this.#files.close();
    await this.#busy;
    await this.#reports.done;
    const nowMs = performance.now();
    const isAlive = [...this.#watches.values()].some((watch) => watch.isAlive(nowMs));
    for (const watch of this.#watches.values()) watch.close();
    if (handsOver) return;
    const { closed } = this.#content();
    await this.#options.table.leave(closed[4].length + closed[6].length > 0, isAlive);
  }

  /**
   * Looks, and where that shows something new or `isDue` decides and applies. Called while that is under way, it is done once more
   * afterwards.
   */
  async #refresh(isDue: boolean): Promise<void> {
    this.#isDue ||= isDue;
    this.#isAgain = true;
    this.#busy ??= this.#run();
    await this.#busy;
  }

  async #run(): Promise<void> {
    while (this.#isAgain && !this.#isClosed) {
      this.#isAgain = false;
      try {
        if ((await this.#look()) || this.#isDue) {
          this.#isDue = false;
          await this.#step();
          this.#problem = "";
        }
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        // Once for each problem: it may be the same one each second, for days.
        if (problem !== this.#problem)
          captureLog("error", "cannot keep the table; traffic goes past the proxy", { problem });
        this.#problem = problem;
      }
    }
    this.#busy = undefined;
  }

  /** @returns whether a generation came or went, or says something else than before. */
  async #look(): Promise<boolean> {
    const found = await this.#options.folder.read();
    const names = new Set(found.map((each) => each.file.generation));
    let isNews = false;
    for (const [name, watch] of this.#watches) {
      if (names.has(name)) continue;
      watch.close();
      this.#watches.delete(name);
      isNews = true;
    }
    for (const each of found) {
      this.#lastWordMs = Math.max(this.#lastWordMs, each.file.writtenMs);
      const watch = this.#watches.get(each.file.generation);
      if (watch !== undefined) {
        if (watch.update(each)) isNews = true;
        continue;
      }
      const made = new GenerationWatch(each, () => {
        if (this.#hasBegun) void this.#refresh(true);
      });
      this.#watches.set(each.file.generation, made);
      if (this.#hasBegun) void made.ask();
      isNews = true;
    }
    this.#files.follow(names);
    await this.#options.table.addRoutes(this.#routes());
    return isNews;
  }

  async #step(): Promise<void> {
    const nowMs = performance.now();
    const views = [...this.#watches.values()].map((watch) => watch.view());
    const decision = decide(views, this.#current, nowMs);
    const isOpen = decision.openUntilMs > nowMs && !this.#path.isPaused(nowMs);
    this.#explain(decision, isOpen);
    const current = this.#watches.get(decision.current ?? "");
    this.#plan = current?.found.plan ?? this.#plan ?? [...this.#watches.values()].at(-1)?.found.plan;
    const port = current?.found.file.port ?? 0;
    const content = this.#content(port);
    const gate = this.#gate(decision, isOpen, nowMs);
    const resets = await this.#reclaim(isOpen, nowMs);
    const holdsClosed = Date.now() - this.#lastWordMs < CLOSED_SECONDS * 1000;
    const beganMs = performance.now();
    await this.#options.table.apply(content, gate, this.#routes(), holdsClosed, resets);
    this.#noteLapse(content, gate, beganMs);
    this.#switched(decision.current);
    this.#planVersion = current?.found.plan?.version ?? "";
    this.#count(content, isOpen, nowMs);
    await this.#endHung(gate);
    this.#lookAgainAt(gate);
    this.#report(decision);
  }

  /** Plans of generations that live or may come to life; of the last one, when there is none. */
  #plans(): readonly Plan[] {
    const plans = [...this.#watches.values()].flatMap((watch) => watch.found.plan ?? []);
    return plans.length > 0 || this.#plan === undefined ? plans : [this.#plan];
  }

  #routes(): ReadonlySet<string> {
    const plans = this.#plans();
    return routesOf(
      plans.map((plan) => plan.ranges),
      plans.flatMap((plan) => plan.entries.map((entry) => entry.address)),
    );
  }

  #content(port = 0): TableContent {
    return tableContent({ plan: this.#plan, port, all: this.#plans() });
  }

  #gate(decision: Decision, isOpen: boolean, nowMs: number): Gate {
    const aliveMs = new Map<number, number>();
    const ports = new Set([...this.#watches.values()].map((watch) => watch.found.file.port));
    for (const [port, untilMs] of this.#inherited)
      if (untilMs > nowMs && ports.has(port)) aliveMs.set(port, Math.ceil(untilMs - nowMs));
    for (const [port, untilMs] of decision.aliveUntilMs) aliveMs.set(port, Math.ceil(untilMs - nowMs));
    return { openMs: isOpen ? Math.ceil(decision.openUntilMs - nowMs) : 0, aliveMs };
  }

  async #reclaim(isOpen: boolean, nowMs: number): Promise<string> {
    const { table, tableName } = this.#options;
    if (!isOpen) this.#openSinceMs = Number.NaN;
    else if (Number.isNaN(this.#openSinceMs)) this.#openSinceMs = nowMs;
    const bypassing = table.total("bypassing") + table.total("reclaimed");
    const known = [...this.#bypassed.values()].reduce((sum, each) => sum + each, 0);
    const isDue = nowMs - this.#listedAtMs >= (known > MANY_FLOWS ? LIST_MANY_EVERY_MS : 900);
    if (!isDue || (known === 0 && bypassing === this.#lastBypassing)) return "";
    this.#lastBypassing = bypassing;
    this.#listedAtMs = nowMs;
    const flows = await listBypassed(tableName);
    const services = this.#plan?.services ?? [];
    const serviceOf = new Map(
      services.flatMap((each) =>
        each.addresses.map((address) => [`${address} . ${each.port}`, each.service] as const),
      ),
    );
    this.#bypassed = new Map();
    for (const flow of flows) {
      const service = serviceOf.get(`${flow.address} . ${flow.port}`);
      if (service !== undefined) this.#bypassed.set(service, (this.#bypassed.get(service) ?? 0) + 1);
    }
    if (!(nowMs - this.#openSinceMs >= SETTLED_MS)) return "";
    const kept = new Set((this.#plan?.callers ?? []).flatMap((each) => (each.reclaim ? [] : each.addresses)));
    const { gentle, firm } = this.#reclaimer.choose(flows, serviceOf, (source) => !kept.has(source), nowMs);
    return resetFlows(tableName, gentle, false) + resetFlows(tableName, firm, true);
  }

  #switched(current: string | undefined): void {
    if (current === this.#current) return;
    captureLog("info", "new connections go to another generation", {
      from: this.#current ?? null,
      to: current ?? null,
    });
    this.#current = current;
  }

  #explain(decision: Decision, isOpen: boolean): void {
    const why = isOpen ? "" : this.#whyClosed(decision.current);
    if (why === this.#closedBecause) return;
    this.#closedBecause = why;
    if (isOpen) captureLog("info", "new connections go to the proxy", { generation: decision.current });
    else
      captureLog("warn", "new connections go past the proxy", {
        generation: decision.current ?? null,
        because: why,
      });
  }

  #whyClosed(current: string | undefined): string {
    const watch = this.#watches.get(current ?? "") ?? [...this.#watches.values()].at(-1);
    if (watch === undefined) return "no proxy is there";
    const { file, plan } = watch.found;
    if (this.#path.isPaused(performance.now()))
      return "connections led to the proxy do not arrive; a firewall of this node drops what pods send to the node";
    if (plan === undefined) return "it has not said what to capture";
    if (watch.why !== "") return `its canaries fail: ${watch.why}`;
    if (watch.sinceMs > 0 && !watch.isAlive(performance.now()))
      return "capture itself was held up: its last canaries are too long ago";
    if (file.draining) return "it is leaving";
    return file.ready ? "its canaries have to come back several times" : "it says that it is not ready";
  }

  /** Says that new connections went past the proxy when no decision had them do so. */
  #noteLapse(content: TableContent, gate: Gate, beganMs: number): void {
    const lapse = this.#lapses.renewed(gate.openMs, beganMs, performance.now());
    const past = this.#options.table.total("past");
    const connections = past - this.#lastPast;
    this.#lastPast = past;
    if (lapse === undefined || content.callers[4].length + content.callers[6].length === 0) return;
    this.#failOpenSeconds += lapse.lateMs / 1000;
    const { lateMs, sinceRenewalMs, nftMs } = lapse;
    captureLog("warn", "new connections went past the proxy for a moment: the gate was renewed too late", {
      lateMs: Math.round(lateMs),
      sinceRenewalMs: Math.round(sinceRenewalMs),
      nftMs: Math.round(nftMs),
      connections,
    });
  }

  #count(content: TableContent, isOpen: boolean, nowMs: number): void {
    const { table } = this.#options;
    const callers = content.callers[4].length + content.callers[6].length;
    const services = content.captured[4].length + content.captured[6].length;
    if (!isOpen && callers > 0) this.#failOpenSeconds += (nowMs - this.#lastMs) / 1000 || 0;
    this.#lastMs = nowMs;
    const totals = {
      dialled: table.total("dialled"),
      captured: table.total("captured"),
      carried: table.total("carried"),
    };
    this.#path.note(totals, isOpen && callers > 0 && services > 0, nowMs);
  }

  /** Comes back when the first of them runs out, rather than with the next round of canaries. */
  #lookAgainAt(gate: Gate): void {
    clearTimeout(this.#expiry);
    const firstMs = Math.min(...gate.aliveMs.values());
    if (firstMs === Number.POSITIVE_INFINITY || this.#isClosed) return;
    this.#expiry = setTimeout(() => void this.#refresh(true), firstMs + 1);
  }

  /** What was alive and is not any more: its clients may be waiting for an answer, and send nothing that could be reset. */
  async #endHung(gate: Gate): Promise<void> {
    const ended = [...this.#alivePorts].filter((port) => !gate.aliveMs.has(port));
    this.#alivePorts = new Set(gate.aliveMs.keys());
    for (const port of ended) {
      captureLog("warn", "a proxy does not answer; its connections are ended", { port });
      await endConnections(port).catch((error: Error) =>
        captureLog("warn", "cannot end connections", { problem: error.message }),
      );
    }
  }

  #report(decision: Decision | undefined): void {
    const { table, echoPort } = this.#options;
    const nowMs = performance.now();
    const inertMs = this.#path.inertSinceMs(nowMs);
    const report: CaptureReport = {
      format: 1,
      writtenMs: Date.now(),
      echoPort,
      current: this.#current ?? null,
      open: decision !== undefined && this.#closedBecause === "",
      closedBecause: this.#closedBecause,
      planVersion: this.#planVersion,
      generations: [...this.#watches].map(([name, watch]) => this.#reportOf(name, watch, nowMs)),
      bypassed: [...this.#bypassed].map(([service, connections]) => ({ service, connections })),
      capturedTotal: table.total("captured"),
      pastTotal: table.total("past"),
      reclaimedTotal: this.#reclaimer.reclaimed,
      refusedTotal: table.total("refused"),
      failOpenSecondsTotal: Math.round(this.#failOpenSeconds * 10) / 10,
      inertSinceMs: inertMs === undefined ? null : Math.round(Date.now() - (nowMs - inertMs)),
    };
    this.#reports.write(report);
  }

  #reportOf(name: string, watch: GenerationWatch, nowMs: number): GenerationReport {
    return {
      generation: name,
      alive: watch.isAlive(nowMs),
      sinceMs: watch.sinceMs,
      lastCanaryMs: watch.lastCanaryMs,
      failures: watch.failures,
      why: watch.why,
      planVersion: name === this.#current ? this.#planVersion : "",
    };
  }
}
