import type { ServiceObject, ServicePort } from "../../kube/objects/service-object.ts";

/** Ports that are captured beside those that say gRPC: these numbers, or every TCP port. */
export type WiderPorts = "all" | ReadonlySet<number>;

/** `appProtocol`, without its case, of ports that say gRPC. */
const GRPC_PROTOCOLS: readonly string[] = ["grpc", "kubernetes.io/h2c"];
const GRPC_NAME = /^(?:grpc$|grpc-|h2c-)/;
const MAX_PORT = 65_535;

/** @param text of the annotation `isobar.dev/ports`: `all`, or numbers separated by commas. @returns undefined where it says neither. */
export function readWiderPorts(text: string): WiderPorts | undefined {
  if (text.trim() === "all") return "all";
  const ports = new Set<number>();
  for (const each of text.split(",")) {
    const port = /^\s*[1-9][0-9]{0,4}\s*$/.test(each) ? Number(each) : 0;
    if (port < 1 || port > MAX_PORT) return undefined;
    ports.add(port);
  }
  return ports;
}

/** @returns whether the port says that gRPC is spoken there: `appProtocol` where it says anything, else its name. */
export function saysGrpc({ appProtocol, name }: Pick<ServicePort, "appProtocol" | "name">): boolean {
  return appProtocol === "" ? GRPC_NAME.test(name) : GRPC_PROTOCOLS.includes(appProtocol.toLowerCase());
}

/**
 * The ports of a Service at which connections can be taken by the address they go to: it has one, which a headless Service has not. The API server is left alone,
 * whatever is said: who opts in by mistake has to be able to opt out again.
 */
export function capturedPorts(service: ServiceObject, wider: WiderPorts | undefined): ServicePort[] {
  const { type, clusterIps, namespace, name, ports } = service;
  if (type === "ExternalName" || clusterIps.length === 0) return [];
  if (namespace === "default" && name === "kubernetes") return [];
  return ports.filter(({ protocol, port, ...said }) => {
    if (protocol !== "TCP" || port < 1) return false;
    return wider === "all" || wider?.has(port) === true || saysGrpc(said);
  });
}
