import type { ServiceObject, ServicePort } from "../kube/objects/service-object.ts";

const HTTP_PORT = 80;
const HTTPS_PORT = 443;

/** @returns the canonical name of a Service's port, `service.namespace:port`. */
export function canonicalName(
  { namespace, name }: Pick<ServiceObject, "namespace" | "name">,
  port: number,
): string {
  return `${name}.${namespace}:${port}`;
}

/**
 * Every way in which callers write the address of a Service's port: its DNS names without search domains, and its addresses. A name
 * without a port means the only port there is, or else 80, or else 443.
 *
 * @param domain the cluster's, `cluster.local`.
 * @returns in lower case, the canonical name first.
 */
export function serviceAuthorities(service: ServiceObject, port: ServicePort, domain: string): string[] {
  const short = `${service.name}.${service.namespace}`;
  const hosts = [short, `${short}.svc`, `${short}.svc.${domain}`];
  const withPort = [...hosts, ...service.clusterIps.map(asHost)].map((host) => `${host}:${port.port}`);
  return [...withPort, ...(isMeantWithoutPort(service, port) ? hosts : [])].map((name) => name.toLowerCase());
}

function asHost(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

function isMeantWithoutPort({ ports }: ServiceObject, { port }: ServicePort): boolean {
  const numbers = ports.filter(({ protocol }) => protocol === "TCP").map((each) => each.port);
  if (numbers.length === 1) return true;
  return port === (numbers.includes(HTTP_PORT) ? HTTP_PORT : HTTPS_PORT);
}
