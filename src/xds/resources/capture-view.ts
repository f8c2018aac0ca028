import { parseIpAddress } from "../../base/ip-address.ts";
import type { CapturedService } from "../../resource/captured-service.ts";
import type { Decoded } from "./resource-problem.ts";
import { decodeGuarded, ResourceProblem } from "./resource-problem.ts";
import { WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

/** What the one {@link CaptureView} there is is called. */
export const CAPTURE_VIEW = "capture";

/**
 * Which services' connections are taken by their address, a resource of our own, the same for all nodes:
 *
 *     message isobar.v1.CaptureView { string name = 1; repeated Service services = 2; }
 *     message Service { string service = 1; repeated string addresses = 2; uint32 port = 3; }
 */
export interface CaptureView {
  /** {@link CAPTURE_VIEW}. */
  readonly name: string;
  /** In the order of their names; no two have the same address and port. */
  readonly services: readonly CapturedService[];
}

const MAX_PORT = 65_535;

/** @returns the message's octets. */
export function encodeCaptureView({ name, services }: CaptureView): Buffer {
  const writer = new WireWriter().string(1, name);
  for (const { service, addresses, port } of services) {
    writer.message(2, (inner) => {
      inner.string(1, service).strings(2, addresses).number(3, port);
    });
  }
  return writer.finish();
}

/** Reads a CaptureView. A service without a name, a port that is none, and an address that is none are refused. */
export function decodeCaptureView(octets: Uint8Array): Decoded<CaptureView> {
  return decodeGuarded("CaptureView", () => {
    let name = "";
    const services: CapturedService[] = [];
    const reader = new WireReader(octets);
    while (reader.next()) {
      if (reader.field === 1) name = reader.string();
      else if (reader.field === 2) services.push(readService(reader, services.length));
      else reader.skip();
    }
    return { name, services };
  });
}

function readService(reader: WireReader, index: number): CapturedService {
  const addresses: string[] = [];
  let service = "";
  let port = 0;
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) service = reader.string();
    else if (reader.field === 2) addresses.push(reader.string());
    else if (reader.field === 3) port = reader.number();
    else reader.skip();
  }
  reader.leave();
  const path = `services[${index}]`;
  if (service === "") throw new ResourceProblem(`${path}.service`, "nothing", "the name of a service");
  if (port < 1 || port > MAX_PORT)
    throw new ResourceProblem(`${path}.port`, String(port), `a port from 1 to ${MAX_PORT}`);
  for (const [i, address] of addresses.entries())
    if (parseIpAddress(address) === undefined)
      throw new ResourceProblem(`${path}.addresses[${i}]`, JSON.stringify(address), "an IP address");
  return { service, addresses, port };
}
