import type { Decoded } from "./resource-problem.ts";
import { decodeGuarded } from "./resource-problem.ts";
import type { ServiceView } from "./service-view.ts";
import { decodeServiceView, EMPTY_SERVICE_VIEW, encodeServiceView } from "./service-view.ts";
import { WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

/** The one resource of its type: what a replica of the control plane has been told by its own clients. */
export const REPLICA_LOADS = "isobar.replica-loads";

/** Load of one place of a service, over all callers that report it to the replica. */
export interface ReplicaPlace {
  readonly region: string;
  readonly zone: string;
  readonly reporters: number;
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly inFlight: number;
}

/** Load of one service, likewise. */
export interface ReplicaService {
  readonly view: ServiceView;
  readonly places: readonly ReplicaPlace[];
}

/**
 * What the clients of one replica have reported, for the other replicas; a resource of our own.
 *
 *     message isobar.v1.ReplicaLoads { string replica = 1; repeated Service services = 2; uint32 sequence = 3; }
 *     message Service { ServiceView view = 1; repeated Place places = 2; }
 *     message Place {
 *       string region = 1; string zone = 2; uint32 reporters = 3;
 *       uint64 millirequests_per_second = 4; uint64 millierrors_per_second = 5; uint64 in_flight = 6;
 *     }
 */
export interface ReplicaLoads {
  /** Tells the replica from all others; another one after each start. */
  readonly replica: string;
  readonly services: readonly ReplicaService[];
  /** Makes equal loads of another moment another version. */
  readonly sequence: number;
}

/** @returns the message's octets. */
export function encodeReplicaLoads({ replica, services, sequence }: ReplicaLoads): Buffer {
  const writer = new WireWriter().string(1, replica);
  for (const { view, places } of services) {
    writer.message(2, (service) => {
      service.octets(1, encodeServiceView(view));
      for (const each of places) service.message(2, (place) => writePlace(place, each));
    });
  }
  return writer.number(3, sequence).finish();
}

/** Reads ReplicaLoads. */
export function decodeReplicaLoads(octets: Uint8Array): Decoded<ReplicaLoads> {
  return decodeGuarded("ReplicaLoads", () => {
    const loads = { replica: "", services: [] as ReplicaService[], sequence: 0 };
    const reader = new WireReader(octets);
    while (reader.next()) {
      if (reader.field === 1) loads.replica = reader.string();
      else if (reader.field === 2) loads.services.push(readService(reader));
      else if (reader.field === 3) loads.sequence = reader.number();
      else reader.skip();
    }
    return loads;
  });
}

function writePlace(writer: WireWriter, place: ReplicaPlace): void {
  writer
    .string(1, place.region)
    .string(2, place.zone)
    .number(3, place.reporters)
    .number(4, Math.max(0, Math.round(place.requestsPerSecond * 1_000)))
    .number(5, Math.max(0, Math.round(place.errorsPerSecond * 1_000)))
    .number(6, Math.max(0, Math.round(place.inFlight)));
}

function readService(reader: WireReader): ReplicaService {
  let view: ServiceView = { name: "", ...EMPTY_SERVICE_VIEW };
  const places: ReplicaPlace[] = [];
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) view = readView(reader.octets());
    else if (reader.field === 2) places.push(readPlace(reader));
    else reader.skip();
  }
  reader.leave();
  return { view, places };
}

/** @throws what its problem says, for {@link decodeGuarded}. */
function readView(octets: Buffer): ServiceView {
  const { value, problem } = decodeServiceView(octets);
  if (value === undefined) throw new Error(problem);
  return value;
}

function readPlace(reader: WireReader): ReplicaPlace {
  const place = {
    region: "",
    zone: "",
    reporters: 0,
    requestsPerSecond: 0,
    errorsPerSecond: 0,
    inFlight: 0,
  };
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) place.region = reader.string();
    else if (reader.field === 2) place.zone = reader.string();
    else if (reader.field === 3) place.reporters = reader.number();
    else if (reader.field === 4) place.requestsPerSecond = reader.number() / 1_000;
    else if (reader.field === 5) place.errorsPerSecond = reader.number() / 1_000;
    else if (reader.field === 6) place.inFlight = reader.number();
    else reader.skip();
  }
  reader.leave();
  return place;
}
