import type { ReplicaLoads, ReplicaService } from "../resources/replica-loads.ts";
import type { LoadBook, LoadSum } from "./load-book.ts";

/** Services and endpoints that replicas tell each other at most: what is beyond is known to one replica only. */
const MAX_SERVICES = 10_000;
const MAX_ENDPOINTS = 200_000;
/** How many requests endpoints have had is told by the replica that was told so. */
const NO_COUNTS = new Uint32Array();

/** @returns what a replica's own clients have reported, for the others. */
export function replicaLoadsOf(
  replica: string,
  book: LoadBook,
  nowMs: number,
  sequence: number,
): ReplicaLoads {
  const services: ReplicaService[] = [];
  let endpoints = 0;
  for (const name of book.services) {
    const load = book.of(name);
    if (load === undefined) continue;
    endpoints += load.streams.size;
    if (services.length === MAX_SERVICES || endpoints > MAX_ENDPOINTS) break;
    const { reporters, requestsPerSecond, countedMs, streams, places } = load;
    const ageMs = Math.max(0, nowMs - countedMs);
    const view = { name, removed: false, reporters, requestsPerSecond, ageMs, streams, sequence: 0 };
    services.push({ view, places: [...places] });
  }
  // Nobody reports anything, as before: that is no news.
  return { replica, services, sequence: services.length === 0 ? 0 : sequence };
}

/** @returns the same as another replica's book takes it. */
export function loadSumsOf({ services }: ReplicaLoads): LoadSum[] {
  return services.slice(0, MAX_SERVICES).map(({ view, places }) => {
    const endpoints = new Uint32Array(view.streams.size * 2);
    let i = 0;
    for (const [hash, count] of view.streams) {
      endpoints[i++] = hash;
      endpoints[i++] = count;
    }
    const localities = places.map(({ region, zone, requestsPerSecond, errorsPerSecond, inFlight }) => {
      return { region, zone, issued: requestsPerSecond, errors: errorsPerSecond, inFlight };
    });
    const load = { name: view.name, intervalMs: 1_000, localities, endpoints, counts: NO_COUNTS };
    return { load, reporters: view.reporters, ageMs: view.ageMs };
  });
}
