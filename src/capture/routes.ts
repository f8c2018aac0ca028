import type { FamilyPair } from "./plan.ts";
import { runCommand } from "./run-command.ts";
import { isStable } from "./table-content.ts";

/** Ranges and addresses that the node is to take for its own: every address of a range then is one to listen at, without a device. */
export function routesOf(ranges: readonly FamilyPair[], entries: readonly string[]): ReadonlySet<string> {
  const wanted = ranges.flatMap((each) => [each.ipv4, each.ipv6]).filter((range) => range !== "");
  return new Set([...wanted, ...entries.filter(isStable)]);
}

/** Makes a route. @throws CommandFailure */
export async function addRoute(to: string): Promise<void> {
  await runCommand("ip", [to.includes(":") ? "-6" : "-4", "route", "replace", "local", to, "dev", "lo"]);
}

/** Removes a route; one that is not there is as good. */
export async function removeRoute(to: string): Promise<void> {
  await runCommand("ip", [to.includes(":") ? "-6" : "-4", "route", "del", "local", to, "dev", "lo"]).catch(
    () => "",
  );
}
