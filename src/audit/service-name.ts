/**
 * @param wanted how people name a service: `namespace/name`, `namespace/name:port`, or as clients do, `name.namespace:port`.
 * @returns whether a service of the name, as xDS has it, is meant.
 */
export function isService(name: string, authorities: readonly string[], wanted: string): boolean {
  const text = wanted.toLowerCase();
  const [, namespace, service, port] = /^([^/]+)\/([^/:]+)(?::(\d+))?$/.exec(text) ?? [];
  if (namespace === undefined) return name === text || authorities.includes(text);
  const canonical = `${service}.${namespace}`;
  return port === undefined
    ? name.startsWith(`${canonical}:`) || name === canonical
    : name === `${canonical}:${port}`;
}
