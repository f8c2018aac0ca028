import type { Probe } from "./plan-changes.ts";
import type { Leg } from "./scale-report.ts";
import { spreadOf } from "./scale-report.ts";
import type { Witness, WitnessedEvent } from "./witness.ts";

/**
 * Takes the way of a write apart: until the control plane has read it, until it has written it to somebody, until to the proxy, until the proxy has read
 * it, until it dials an endpoint of it, until that is reached. The parts of one write add up; their quantiles do not.
 *
 * @param served what the control plane did; undefined: nobody looked.
 * @param seen what the proxy did.
 * @returns besides how long the control plane and the proxy collected garbage at a time.
 */
export async function measureLegs(
  probes: readonly Probe[],
  served: Witness | undefined,
  seen: Witness | undefined,
): Promise<Leg[]> {
  if (served === undefined || seen === undefined) return [];
  const [bySender, byReceiver] = [await served.events(), await seen.events()];
  const sinceMs = Math.min(...probes.map(({ stamp }) => stamp)) / 1_000;
  const read = firstByValue(bySender, "read");
  const written = firstByValue(bySender, "written");
  const arrived = firstByValue(byReceiver, "read");
  const dialed = firstByValue(byReceiver, "dialed");
  const writtenTo = new Map<string, number>();
  const audiences = new Map<string, number>();
  for (const { what, value, atMs, port } of bySender) {
    const key = `${value} ${port}`;
    if (what !== "written" || writtenTo.has(key)) continue;
    writtenTo.set(key, atMs);
    audiences.set(value, (audiences.get(value) ?? 0) + 1);
  }
  const legs: Record<string, number[]> = {
    "the API server's answer": [],
    "until the control plane reads it": [],
    "until its first push goes out": [],
    "until the proxy's push goes out": [],
    "until the proxy reads it": [],
    "until the proxy dials the endpoint": [],
    "until a call arrives there": [],
  };
  for (const { stamp: micros, writeMs, usedMs, host } of probes) {
    const stamp = String(micros);
    const arrival = arrived.get(stamp);
    const times = [
      micros / 1_000,
      read.get(stamp)?.atMs,
      written.get(stamp)?.atMs,
      writtenTo.get(`${stamp} ${arrival?.port}`),
      arrival?.atMs,
      dialed.get(host)?.atMs,
      micros / 1_000 + usedMs,
    ];
    // Whose stamp was cut in two by how it was read is left out.
    if (times.includes(undefined)) continue;
    const [answer, ...others] = Object.values(legs);
    answer!.push(writeMs);
    for (const [n, leg] of others.entries()) leg.push(times[n + 1]! - times[n]!);
  }
  const collected = (events: readonly WitnessedEvent[]): number[] =>
    events
      .filter(({ what, atMs }) => what === "collected" && atMs >= sinceMs)
      .map(({ value }) => Number(value));
  legs["garbage of the control plane"] = collected(bySender);
  legs["garbage of the proxy"] = collected(byReceiver);
  const named = Object.entries(legs).map(([name, values]) => ({ name, spread: spreadOf(values) }));
  const counts = probes.map(({ stamp }) => audiences.get(String(stamp)) ?? 0);
  return [...named, { name: "streams told of such a write (a number)", spread: spreadOf(counts) }];
}

function firstByValue(events: readonly WitnessedEvent[], wanted: string): Map<string, WitnessedEvent> {
  const first = new Map<string, WitnessedEvent>();
  for (const event of events)
    if (event.what === wanted && !first.has(event.value)) first.set(event.value, event);
  return first;
}
