import { parseIpAddress } from "../../base/ip-address.ts";
import type { Caller } from "../../resource/caller.ts";
import { CALLER_MODES } from "../../resource/caller.ts";
import { decodeCallerAccess } from "./access-shapes.ts";
import type { Decoded } from "./resource-problem.ts";
import { decodeGuarded, ResourceProblem } from "./resource-problem.ts";
import { WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

/**
 * All pods of one node as callers, a resource of our own named by the node, for the proxy of that node alone:
 *
 *     message isobar.v1.CallerView { string node_id = 1; repeated Caller callers = 2; }
 *     message Caller {
 *       string uid = 1; string namespace = 2; string pod = 3; string service_account = 4; string workload = 5;
 *       repeated string addresses = 6; Mode mode = 7; bool fail_closed = 8; bool keeps_bypassed = 9;
 *       string access = 10; // a CallerAccess as JSON; none where no policy says or looks at anything
 *       enum Mode { OFF = 0; ADDRESS = 1; PROXY_ENV = 2; TRANSPARENT = 3; }
 *     }
 */
export interface CallerView {
  /** As `node.id` of the proxy. */
  readonly name: string;
  /** In the order of their UIDs, so that equal views are equal octets. No two have the same address. */
  readonly callers: readonly Caller[];
}

/** @returns the message's octets. */
export function encodeCallerView({ name, callers }: CallerView): Buffer {
  const writer = new WireWriter().string(1, name);
  for (const caller of callers) {
    writer.message(2, (inner) => {
      inner
        .string(1, caller.uid)
        .string(2, caller.namespace)
        .string(3, caller.pod)
        .string(4, caller.serviceAccount)
        .string(5, caller.workload)
        .strings(6, caller.addresses)
        .number(7, CALLER_MODES.indexOf(caller.mode))
        .number(8, caller.failClosed ? 1 : 0)
        .number(9, caller.reclaim ? 0 : 1)
        .string(10, caller.access === undefined ? "" : JSON.stringify(caller.access));
    });
  }
  return writer.finish();
}

/** Reads a CallerView. A caller without a UID, or an address that is none, is refused; a mode that a later release has invented is `off`. */
export function decodeCallerView(octets: Uint8Array): Decoded<CallerView> {
  return decodeGuarded("CallerView", () => {
    let name = "";
    const callers: Caller[] = [];
    const reader = new WireReader(octets);
    while (reader.next()) {
      if (reader.field === 1) name = reader.string();
      else if (reader.field === 2) callers.push(readCaller(reader, callers.length));
      else reader.skip();
    }
    return { name, callers };
  });
}

function readCaller(reader: WireReader, index: number): Caller {
  const caller = { uid: "", namespace: "", pod: "", serviceAccount: "", workload: "" };
  const addresses: string[] = [];
  let mode = 0;
  let failClosed = false;
  let reclaim = true;
  let access = "";
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) caller.uid = reader.string();
    else if (reader.field === 2) caller.namespace = reader.string();
    else if (reader.field === 3) caller.pod = reader.string();
    else if (reader.field === 4) caller.serviceAccount = reader.string();
    else if (reader.field === 5) caller.workload = reader.string();
    else if (reader.field === 6) addresses.push(reader.string());
    else if (reader.field === 7) mode = reader.number();
    else if (reader.field === 8) failClosed = reader.number() !== 0;
    else if (reader.field === 9) reclaim = reader.number() === 0;
    else if (reader.field === 10) access = reader.string();
    else reader.skip();
  }
  reader.leave();
  if (caller.uid === "") throw new ResourceProblem(`callers[${index}].uid`, "nothing", "the UID of a pod");
  for (const [i, address] of addresses.entries())
    if (parseIpAddress(address) === undefined)
      throw new ResourceProblem(
        `callers[${index}].addresses[${i}]`,
        JSON.stringify(address),
        "an IP address",
      );
  return {
    ...caller,
    addresses,
    mode: CALLER_MODES[mode] ?? "off",
    failClosed,
    reclaim,
    ...(access === "" ? {} : { access: decodeCallerAccess(access, `callers[${index}].access`) }),
  };
}
