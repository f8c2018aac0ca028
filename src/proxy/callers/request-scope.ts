import type { HeaderChange } from "../../route/header-change.ts";
import type { RequestNames } from "../authorities/request-names.ts";

/** What a connection's requests are taken for, whatever they say themselves. */
export interface RequestScope {
  /** @returns the names by which a request finds its cluster and route; they hold until the next call. */
  names(request: RequestNames): RequestNames;
  /** What is changed of every request's headers; undefined: nothing. */
  readonly change: HeaderChange | undefined;
}
