import type { Place } from "../lb/place.ts";
import type { Fleet } from "../resource/fleet.ts";
import type { NodeView } from "../xds/resources/node-view.ts";
import type { ServiceView } from "../xds/resources/service-view.ts";

/** Time constant of rates, in ms: subsets follow the time of day and not bursts. */
const SMOOTHING_MS = 10_000;
/**
 * A share counts anew when it is this many times as large or as small as the one in use, and not before so much time; at first as soon as it is known
 * for twice as long as when it last did.
 */
const MOVED = 1.5;
const HOLD_MS = 30_000;
/**
 * Where only some of the fleet's proxies call a service, their places are not evenly spaced. How deep their slices have to lie on each point of the ring
 * for its load to be within 20 % (one standard deviation) of the mean, times the part of the fleet that does not call it.
 */
const RANDOM_DEPTH = 25;

interface Share {
  /** Requests per second, smoothed: of this proxy, and of all who report. */
  own: number;
  all: number;
  /** Who report, or did lately. */
  callers: number;
  atMs: number;
  /** {@link Fleet.trafficShare} as in use, and since when. */
  used: number;
  usedSinceMs: number;
  knownSinceMs: number;
}

/**
 * This proxy's place among those that call each service, for subsets: the place in the fleet comes from the control plane, the share of the
 * service's traffic from what it and all others report. A service of whose callers nothing is known has no fleet: all of its endpoints are used.
 *
 * Pure: to be told the time.
 */
export class FleetShares {
  /** This proxy's place in the fleet; undefined while it has none. */
  node: NodeView | undefined;
  readonly #place: Pick<Place, "zone">;
  readonly #shares = new Map<string, Share>();

  /** @param place where this proxy runs, as it is known when a fleet is asked for. */
  constructor(place: Pick<Place, "zone">) {
    this.#place = place;
  }

  /** Services that something is known of. */
  get services(): Iterable<string> {
    return this.#shares.keys();
  }

  fleetOf(service: string): Fleet | undefined {
    const { node } = this;
    const share = this.#shares.get(service);
    if (node === undefined || share === undefined || node.count < 2) return undefined;
    const { index: nodeIndex, count: nodeCount, zone, zoneIndex, zoneCount, members, zoneMembers } = node;
    // The control plane may see it elsewhere: then its place there is none here.
    const inZone =
      zone !== "" && zone === this.#place.zone
        ? { zoneIndex, zoneCount, ...(zoneMembers && { zoneMembers }) }
        : {};
    return { nodeIndex, nodeCount, ...(members && { members }), ...inZone, trafficShare: share.used };
  }

  /**
   * Takes what is known of a service's callers.
   *
   * @param ownPerSecond requests that this proxy begins.
   * @param coverage of the service's subsets.
   * @returns whether the fleet of the service is another one.
   */
  take(view: ServiceView, ownPerSecond: number, coverage: number, nowMs: number): boolean {
    const { name, reporters, requestsPerSecond } = view;
    if (reporters === 0) return false;
    const known = this.#shares.get(name);
    const share = known ?? {
      own: ownPerSecond,
      all: requestsPerSecond,
      callers: reporters,
      atMs: nowMs,
      used: 0,
      usedSinceMs: nowMs,
      knownSinceMs: nowMs,
    };
    this.#shares.set(name, share);
    const moved = 1 - Math.exp(-Math.max(0, nowMs - share.atMs) / SMOOTHING_MS);
    share.atMs = nowMs;
    share.own += (ownPerSecond - share.own) * moved;
    share.all += (requestsPerSecond - share.all) * moved;
    // Who pauses for a while is still one of them.
    share.callers = Math.max(reporters, share.callers + (reporters - share.callers) * moved);
    const holdMs = Math.min(HOLD_MS, share.usedSinceMs - share.knownSinceMs);
    if (known !== undefined && nowMs - share.usedSinceMs < holdMs) return false;
    const now = this.#sized(share, coverage);
    if (now < share.used * MOVED && now > share.used / MOVED) return false;
    share.used = now;
    share.usedSinceMs = nowMs;
    return true;
  }

  /** The shares in use, by service, for the disk. */
  kept(): Record<string, number> {
    return Object.fromEntries([...this.#shares].map(([service, { used }]) => [service, used]));
  }

  /** Takes a share that was in use before this process was, until reports say what it is now. @param used 0 to 1. */
  restore(service: string, used: number, nowMs: number): void {
    if (!(used > 0 && used <= 1) || this.#shares.has(service)) return;
    const times = { atMs: nowMs, usedSinceMs: nowMs, knownSinceMs: nowMs };
    this.#shares.set(service, { own: 0, all: 0, callers: 0, used, ...times });
  }

  /** The service is not called here any more. */
  forget(service: string): void {
    this.#shares.delete(service);
  }

  /** Who begins to call a service is taken for one more like the others until it is known better. */
  #sized({ own, all, callers }: Share, coverage: number): number {
    const share = own > 0 && all > 0 ? own / all : 1 / Math.max(1, callers);
    const calling = Math.min(1, callers / (this.node?.count ?? callers));
    const deeper = Math.max(1, (RANDOM_DEPTH * (1 - calling)) / coverage);
    return Math.min(1, share * deeper);
  }
}
