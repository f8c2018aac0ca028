import type { PodContainer } from "./admission-review.ts";
import type { ProxyVariable } from "./proxy-variables.ts";

/** Variables that some gRPC or HTTP client takes a proxy from, in lower case. */
const PROXIES: ReadonlySet<string> = new Set(["grpc_proxy", "http_proxy", "https_proxy", "all_proxy"]);
/** Variables with hosts that are not proxied, in lower case. */
const EXCEPTIONS: ReadonlySet<string> = new Set(["no_proxy", "no_grpc_proxy"]);
const JAVA = ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"];

/**
 * Looks for what a container says itself of proxies. Somebody meant something by it, and variables have one value: such a Pod is left alone.
 *
 * @param wanted what it would get; the very same values are no obstacle.
 * @param domain of the cluster's DNS names.
 * @returns what is in the way, for people; undefined if nothing is.
 */
export function findForeignProxy(
  { name, env }: PodContainer,
  wanted: readonly ProxyVariable[],
  domain: string,
): string | undefined {
  for (const { name: variable, value, valueFrom } of env ?? []) {
    if (wanted.some((each) => each.name === variable && each.value === value)) continue;
    const lower = variable.toLowerCase();
    const where = `container ${name} sets ${variable}`;
    if (PROXIES.has(lower) && (value !== "" || valueFrom !== undefined)) return where;
    if (JAVA.includes(variable)) {
      if (variable === "JAVA_TOOL_OPTIONS") return where;
      if (valueFrom !== undefined || /proxyHost/.test(value ?? "")) return where;
    }
    if (!EXCEPTIONS.has(lower)) continue;
    if (valueFrom !== undefined) return `${where} to what is not known here`;
    const entry = excludesCluster(value ?? "", domain);
    if (entry !== undefined) return `${where}, where "${entry}" excludes the cluster's names`;
  }
  return undefined;
}

/**
 * Names of Services are proxied by name, so that ranges of addresses exclude none of them; `.svc` and the cluster's domain do, as `*` does for some clients. An entry with
 * or without a dot in front takes in what is below it.
 *
 * @returns the first entry that excludes all Services, or those of a namespace. One that names a single Service is there on purpose.
 */
function excludesCluster(value: string, domain: string): string | undefined {
  const services = `svc.${domain}`;
  for (const entry of value.split(/[\s,]+/)) {
    const suffix = entry
      .toLowerCase()
      .replace(/^\*?\.?/, "")
      .replace(/:\d+$/, "");
    if (entry === "*" || suffix === "svc") return entry;
    if (suffix === "") continue;
    if (services === suffix || services.endsWith(`.${suffix}`)) return entry;
    const inCluster = suffix.endsWith(`.${services}`) ? suffix.slice(0, -domain.length - 1) : suffix;
    if (/^[^.]+\.svc$/.test(inCluster)) return entry;
  }
  return undefined;
}
