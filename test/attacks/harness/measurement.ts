import { setTimeout as sleep } from "node:timers/promises";
import type { AttackReport } from "../attacker/attack.ts";
import type { BehaviourName } from "../backend/behaviours.ts";
import type { AttackCase } from "./attack-case.ts";
import type { WindowResult } from "./innocent.ts";
import { CALLS_PER_SECOND } from "./innocent.ts";
import type { ProxyUsage } from "./proxy.ts";
import type { Stage } from "./stage.ts";

/** Ten calls above the p99. */
export const WINDOW_MS = (10 * 100 * 1000) / CALLS_PER_SECOND;
/** Share of a window's calls that must have been timed for its p99 to count; the others fell into times when a core was away. */
const LEAST_TIMED_SHARE = 0.5;
const RAMP_MS = 100;
const SETTLE_MS = 150;

/** A window without an attack. */
export interface SoloWindow {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Whether enough calls were timed for the quantiles to count. */
  readonly counts: boolean;
  readonly lostCalls: number;
  /** What the proxy uses of its core. */
  readonly cpuShare: number;
  readonly slabOctets: number;
  readonly rssOctets: number;
}

/** What all windows of one attack add up to. */
export class AttackMeasurement {
  /** Of the windows that count. */
  readonly p99Ms: number[] = [];
  lostCalls = 0;
  /** Frames of the attack, whoever sent them. */
  frames = 0;
  seconds = 0;
  cpuMicros = 0;
  /** CPU time that the innocent's calls take by themselves. */
  innocentMicros = 0;
  slabOctets = 0;
  rssOctets = 0;
  attackerCpuShare = 0;
  streams = 0;
  upstreamStreams = 0;
  connects = 0;
  refused = 0;
  open = 0;
  answers = 0;
  received = 0;
  mostFrames = 0;
  longestMs = 0;
  readonly closes: Record<string, number> = {};
  readonly resets: Record<string, number> = {};
  /** What `isobar_flood_closed_total` grew by. */
  readonly floods: Record<string, number> = {};

  addReport(report: AttackReport): void {
    this.seconds += report.seconds;
    this.attackerCpuShare = Math.max(this.attackerCpuShare, report.cpuShare);
    this.streams += report.streams;
    this.connects += report.connects;
    this.refused += report.refused;
    this.open = Math.max(this.open, report.open);
    this.answers += report.answers;
    this.received += report.received;
    this.mostFrames = Math.max(this.mostFrames, report.mostFrames);
    this.longestMs = Math.max(this.longestMs, report.longestMs);
    addUp(this.closes, report.closes);
    addUp(this.resets, report.resets);
  }

  get cpuMicrosPerFrame(): number {
    return Math.max(0, this.cpuMicros - this.innocentMicros) / Math.max(1, this.frames);
  }

  get cpuShare(): number {
    return Math.max(0, this.cpuMicros - this.innocentMicros) / 1e6 / this.seconds;
  }

  get framesPerSecond(): number {
    return this.frames / this.seconds;
  }

  get upstreamShare(): number {
    return this.upstreamStreams / Math.max(1, this.streams);
  }
}

function addUp(into: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) into[name] = (into[name] ?? 0) + count;
}

const FLOOD = /^isobar_flood_closed_total\{attack="(\w+)"\}$/;

function floodsOf(usage: ProxyUsage): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [name, count] of usage.samples) {
    const match = FLOOD.exec(name);
    if (match !== null) found[match[1]!] = count;
  }
  return found;
}

function countsAsTimed({ timed, window }: WindowResult): boolean {
  return timed >= window.due * LEAST_TIMED_SHARE;
}

/** Runs windows on a stage, one after the other, so that calls lost between them are noticed too. */
export class Measurer {
  readonly #stage: Stage;
  #lostBefore = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async solo(windowMs: number = WINDOW_MS): Promise<SoloWindow> {
    const { proxy } = this.#stage;
    const cpu = proxy.cpuMicros();
    const started = performance.now();
    const result = await this.#window(windowMs);
    const seconds = (performance.now() - started) / 1000;
    const cpuShare = (proxy.cpuMicros() - cpu) / 1e6 / seconds;
    const { slabOctets, rssOctets } = await proxy.usage();
    const { p50Ms, p99Ms } = result;
    return {
      p50Ms,
      p99Ms,
      counts: countsAsTimed(result),
      lostCalls: this.#lost(result),
      cpuShare,
      slabOctets,
      rssOctets,
    };
  }

  /**
   * One window under attack, added to what former ones came to.
   *
   * @param soloCpuShare what the proxy uses without the attack.
   */
  async attack(
    { attack, hostile, rampMs = RAMP_MS, gates }: AttackCase,
    source: string,
    into: AttackMeasurement,
    soloCpuShare: number,
    windowMs: number = WINDOW_MS,
  ): Promise<void> {
    const { proxy } = this.#stage;
    const before = await proxy.usage();
    const upstreamBefore = await this.#upstream(hostile, hostile ?? "");
    const cpu = proxy.cpuMicros();
    const started = performance.now();
    await this.#stage.attack(attack, source, gates.mostFrames);
    let peak = 0;
    // Read from /proc, so that looking costs the proxy nothing.
    const watch = setInterval(() => {
      peak = Math.max(peak, proxy.rssOctets());
    }, 50);
    await sleep(rampMs);
    const result = await this.#window(windowMs);
    clearInterval(watch);
    const during = await proxy.usage();
    const report = await this.#stage.stopAttack();
    const seconds = (performance.now() - started) / 1000;
    into.cpuMicros += proxy.cpuMicros() - cpu;
    into.innocentMicros += soloCpuShare * seconds * 1e6;
    const upstreamAfter = await this.#upstream(hostile, "");
    await sleep(SETTLE_MS);
    const after = await proxy.usage();

    into.addReport(report);
    into.frames += report.frames + upstreamAfter.frames - upstreamBefore.frames;
    into.upstreamStreams += upstreamAfter.streams - upstreamBefore.streams;
    if (countsAsTimed(result)) into.p99Ms.push(result.p99Ms);
    into.lostCalls += this.#lost(result);
    into.slabOctets = Math.max(into.slabOctets, during.slabOctets);
    into.rssOctets = Math.max(into.rssOctets, peak, during.rssOctets);
    const [floodsBefore, floodsAfter] = [floodsOf(before), floodsOf(after)];
    for (const [kind, count] of Object.entries(floodsAfter)) {
      const grown = count - (floodsBefore[kind] ?? 0);
      if (grown > 0) into.floods[kind] = (into.floods[kind] ?? 0) + grown;
    }
  }
  /** Streams of the attacker that have reached an endpoint, and frames a hostile one has sent. */
  async #upstream(
    hostile: BehaviourName | undefined,
    active: BehaviourName | "",
  ): Promise<{ readonly streams: number; readonly frames: number }> {
    const tallies = await this.#stage.hostile(active);
    if (hostile !== undefined) return tallies[hostile];
    const { streams, innocents } = await this.#stage.endpointCounts();
    return { streams: streams - innocents + tallies.stalled.streams, frames: 0 };
  }

  async #window(windowMs: number): Promise<WindowResult> {
    const { innocent } = this.#stage;
    innocent.open();
    await sleep(windowMs);
    return innocent.close();
  }

  /** Calls that failed since the last window, this one included. */
  #lost({ all, window }: WindowResult): number {
    const before = this.#lostBefore;
    this.#lostBefore = all.failed + all.lost;
    return Math.max(this.#lostBefore - before, window.failed + window.lost);
  }
}
