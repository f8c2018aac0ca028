import { ATTACKS } from "../attacker/attacks.ts";
import type { AttackCase } from "./attack-case.ts";
import type { AttackMeasurement, SoloWindow } from "./measurement.ts";
import { limitMs, median, ROUNDS } from "./timing.ts";

/** What became of an attack. */
export interface Verdict {
  /** Gates missed, each as a sentence; empty when all hold. */
  readonly missed: readonly string[];
  /** The innocent's p99, median over the windows, alone and beside the attack. */
  readonly soloMs: number;
  readonly attackMs: number;
  /** Why the p99 is not judged, or "" where it is. */
  readonly unjudged: string;
}

const MIB = 1_048_576;
/** Share of the stated rate below which an attack says nothing about times. */
const LEAST_RATE = 0.8;
/** Proxy CPU for a connection to come and go, be it let in or not: three times what was measured. */
const MICROS_PER_CONNECTION = 600;
/** How much of what the innocent's calls take in a second cannot be told from the attack's; it averages out over longer times. */
const INNOCENT_NOISE = 0.3;
/** How a connection ends that the proxy does not talk to. */
const REFUSED = ["reset", "end"];

/** Holds what was measured to the gates, which do not depend on how busy the machine is. */
function missedGates({ gates }: AttackCase, got: AttackMeasurement, solo: readonly SoloWindow[]): string[] {
  const missed: string[] = [];
  const most = (what: string, value: number, limit: number | undefined, unit: string): void => {
    if (limit !== undefined && !(value <= limit)) {
      missed.push(`${what}: ${value.toFixed(2)} ${unit}, at most ${limit} are allowed`);
    }
  };
  if (got.frames === 0) missed.push("the attacker sent nothing");
  most("calls of the innocent lost", got.lostCalls, 0, "calls");
  if (gates.cpuMicrosPerFrame !== undefined) {
    const noise = (INNOCENT_NOISE * got.innocentMicros) / Math.sqrt(Math.max(1, got.seconds));
    const allowed = got.frames * gates.cpuMicrosPerFrame + got.connects * MICROS_PER_CONNECTION + noise;
    const what = `proxy CPU for ${got.frames} frames on ${got.connects} connections`;
    most(what, (got.cpuMicrosPerFrame * got.frames) / 1_000, Math.round(allowed / 1_000), "ms");
  }
  most("share of the proxy's core", got.cpuShare, gates.cpuShare, "");
  const slab = got.slabOctets - Math.min(...solo.map(({ slabOctets }) => slabOctets));
  most("octets held", slab / MIB, gates.slabOctets / MIB, "MiB");
  const rss = got.rssOctets - solo[0]!.rssOctets;
  most("resident memory", rss / MIB, gates.rssOctets / MIB, "MiB more");
  most("streams that reached the endpoint", got.upstreamShare, gates.upstreamShare, "of those opened");
  const closes = Object.keys(got.closes);
  const allowed = gates.closes ?? [];
  // A caller whose budget is used up is not let in again for a while: its connections end when they have been accepted.
  const refused = closes.includes("ENHANCE_YOUR_CALM") ? REFUSED : [];
  const may = [...allowed, ...refused, ...(gates.mayClose ?? [])];
  const others = closes.filter((code) => !may.includes(code));
  if (others.length > 0) missed.push(`connections were closed with ${others.join(", ")}`);
  if (allowed.length > 0 && !closes.some((code) => allowed.includes(code))) {
    missed.push(
      `no connection was closed with ${allowed.join(" or ")} within ${gates.mostFrames ?? "all"} frames`,
    );
  }
  most("frames before the GOAWAY", got.mostFrames, gates.mostFrames, "frames");
  if (gates.flood !== undefined && !((got.floods[gates.flood] ?? 0) > 0)) {
    missed.push(`isobar_flood_closed_total{attack="${gates.flood}"} did not count it`);
  }
  return missed;
}

/**
 * Judges one attack.
 *
 * @param solo windows without it, taken in between.
 * @param unjudged why times are not judged at all, or "".
 */
export function judge(
  attack: AttackCase,
  got: AttackMeasurement,
  solo: readonly SoloWindow[],
  unjudged: string,
): Verdict {
  const missed = missedGates(attack, got, solo);
  const p99s = solo.filter(({ counts }) => counts).map(({ p99Ms }) => p99Ms);
  const soloMs = median(p99s);
  const attackMs = median(got.p99Ms);
  if (attack.timed === false) return { missed, soloMs, attackMs, unjudged: "a variant" };
  if (unjudged !== "") return { missed, soloMs, attackMs, unjudged };
  if (Math.min(p99s.length, got.p99Ms.length) < ROUNDS) {
    const away = `cores were away in all but ${got.p99Ms.length} windows of it, and ${p99s.length} without it`;
    return { missed, soloMs, attackMs, unjudged: away };
  }
  const { framesPerSecond } = ATTACKS[attack.attack];
  const ended = Object.keys(got.closes).length > 0;
  if (attack.hostile === undefined && !ended && got.framesPerSecond < framesPerSecond * LEAST_RATE) {
    const slow = `the attacker sent ${got.framesPerSecond.toFixed(0)} of ${framesPerSecond} frames/s`;
    return { missed, soloMs, attackMs, unjudged: slow };
  }
  if (attackMs <= limitMs(soloMs)) return { missed, soloMs, attackMs, unjudged };
  // The machine may have changed since the null test: then the windows between the attacks differ among themselves.
  const even = median(p99s.filter((_, i) => i % 2 === 0));
  const odd = median(p99s.filter((_, i) => i % 2 === 1));
  if (Math.max(even, odd) > limitMs(Math.min(even, odd))) {
    const noise = `windows without an attack differ: ${even.toFixed(2)} and ${odd.toFixed(2)} ms`;
    return { missed, soloMs, attackMs, unjudged: noise };
  }
  const limit = limitMs(soloMs).toFixed(2);
  const miss = `p99 of the innocent: ${attackMs.toFixed(2)} ms, at most ${limit} are allowed`;
  return { missed: [...missed, miss], soloMs, attackMs, unjudged };
}
