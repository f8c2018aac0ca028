import type { Programs } from "./build-programs.ts";
import type { Options } from "./options.ts";
import type { Progress } from "./progress.ts";
import type { RunningProxy } from "./proxy-kinds.ts";
import type { Backends } from "./start-backends.ts";

/** What every row works with. */
export interface Context {
  options: Options;
  programs: Programs;
  backends: Backends;
  /** In the order they take turns, the proxy under test first. */
  proxies: RunningProxy[];
  /** Proxies asked for that could not be started, with the reason. */
  skipped: Map<string, string>;
  progress: Progress;
}
