import type { ListenerOptions } from "../proxy/port/listener-door.ts";
import type { WorkerListener } from "./worker-messages.ts";

/** @returns what the data path has to know of a listener. */
export function listenerOptions(listener: WorkerListener): ListenerOptions {
  const { name, address, protocol, cluster, allowedSources, connect } = listener;
  return {
    name,
    protocol,
    cluster: cluster ?? "",
    isUnix: address.startsWith("unix:"),
    allowedSources,
    connect,
  };
}
