import { NO_ROUTE } from "../../route/authority-table.ts";
import type { AuthorityWait } from "../port/authority-wait.ts";
import type { ProxyContext } from "../proxy-context.ts";

/** What {@link enterService} returns while it is asked where the service leads. */
export const ASKING = -2;

/** @returns the cluster of a captured service as a whole; NO_ROUTE where there is none, or routes decide; {@link ASKING}. */
export function enterService(context: ProxyContext, service: string, wait: AuthorityWait): number {
  const slot = context.authorities.find(service);
  if (slot !== NO_ROUTE || context.askedAuthorities?.isRouted(service) === true) return slot;
  return wait.mayAsk && wait.begin(service) ? ASKING : NO_ROUTE;
}
