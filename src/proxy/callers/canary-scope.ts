import type { RequestNames } from "../authorities/request-names.ts";
import { CapturedScope } from "./captured-scope.ts";

/** Requests of `isobar capture` itself, which are counted: they come every second, also where nobody calls. */
export class CanaryScope extends CapturedScope {
  /** So many have come. */
  count = 0;

  override names(request: RequestNames): RequestNames {
    this.count++;
    return super.names(request);
  }
}
