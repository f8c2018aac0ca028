import type { HeaderChange } from "../../route/header-change.ts";
import type { RequestNames } from "../authorities/request-names.ts";
import type { ProxyContext } from "../proxy-context.ts";
import { KnownName } from "./known-name.ts";
import type { RenamedRequest } from "./renamed-request.ts";
import type { RequestScope } from "./request-scope.ts";

/**
 * Requests of connections that came to a captured address: the address alone selects the service. Each counts as one for the service's name, so that only
 * what holds for that service (its cluster, its routes) can be found, and goes on with the `:authority` that it has.
 */
export class CapturedScope implements RequestScope {
  readonly change: HeaderChange | undefined;
  readonly #name: KnownName;
  readonly #renamed: RenamedRequest;

  /** @param service its canonical name. @param change made to each request. */
  constructor(context: ProxyContext, renamed: RenamedRequest, service: string, change?: HeaderChange) {
    this.change = change;
    this.#renamed = renamed;
    this.#name = new KnownName(context, service.toLowerCase());
  }

  /** The service's name. */
  get service(): string {
    return this.#name.text;
  }

  names(request: RequestNames): RequestNames {
    return this.#renamed.of(request, this.#name);
  }

  /** Gives back what it has of the memory of all; connections that stand go on. */
  release(): void {
    this.#name.release();
  }
}
