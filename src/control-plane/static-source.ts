import { monotonicClock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import { formatConfigProblem } from "../config/config-problem.ts";
import type { ParsedConfig } from "../config/parse-config.ts";
import type { AddressLookup } from "../discovery/address-lookup.ts";
import type { ClusterSink } from "../discovery/cluster-sink.ts";
import { ConfigFileWatch } from "../discovery/config-file-watch.ts";
import { Discovery } from "../discovery/discovery.ts";
import { routesFromConfig } from "../discovery/routes-from-config.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { Route } from "../resource/route.ts";
import type { ServiceSink, ServiceSource } from "../resource/service-source.ts";
import type { Log } from "../telemetry/log.ts";
import { loadStaticFile } from "./load-static-file.ts";
import { routedAuthorities, staticService } from "./static-services.ts";

/** What a {@link StaticSource} works with. */
export interface StaticSourceOptions {
  readonly file: string;
  readonly log: Log;
  readonly lookup: AddressLookup;
}

/** The file is wrong. `message` has a line for each problem. */
export class StaticFileError extends Error {
  override readonly name = "StaticFileError";
}

/** Services of a file, read again when it changes; what is wrong then changes nothing. Clusters with `dns` are looked up here. */
export class StaticSource implements ServiceSource {
  readonly #options: StaticSourceOptions;
  #discovery: Discovery | undefined;
  #watch: ConfigFileWatch | undefined;
  #routes: readonly Route[] = [];
  /** Clusters whose endpoints DNS names. */
  #fromDns: ReadonlySet<string> = new Set();
  #queue: Promise<void> = Promise.resolve();
  /** Served without being clusters of the file. */
  #routed: readonly Cluster[] = [];

  constructor(options: StaticSourceOptions) {
    this.#options = options;
  }

  /** @throws StaticFileError when the file is wrong at the start. */
  async start(sink: ServiceSink): Promise<void> {
    const { file, log, lookup } = this.#options;
    const { text, parsed } = await loadStaticFile(file);
    if (parsed.config === undefined) throw new StaticFileError(problemText(parsed));
    this.#discovery = new Discovery({
      sink: this.#clusterSink(sink),
      lookup,
      clock: monotonicClock,
      random: new SeededRandom(process.pid ^ Date.now()),
      onTrouble: (cluster, reason) => {
        if (reason === "") log.info("name lookups are good again", { cluster });
        else log.warn("name lookups fail", { cluster, reason });
      },
    });
    await this.#apply(parsed.config, sink);
    this.#watch = new ConfigFileWatch(file, text, () => this.reload(sink, "the file has changed"));
  }

  /** Reads the file again. @param cause for the log. */
  reload(sink: ServiceSink, cause: string): void {
    this.#queue = this.#queue
      .then(() => this.#reload(sink, cause))
      .catch((error: unknown) => {
        this.#options.log.error("a fault of Isobar itself", { error });
      });
  }

  async close(): Promise<void> {
    this.#watch?.close();
    await this.#queue;
    this.#discovery?.stop();
  }

  async #reload(sink: ServiceSink, cause: string): Promise<void> {
    const { file, log } = this.#options;
    const { parsed } = await loadStaticFile(file);
    if (parsed.config === undefined) {
      log.error("reload refused, what was read before is served on", {
        cause,
        problems: problemText(parsed),
      });
      return;
    }
    await this.#apply(parsed.config, sink);
    log.info("reloaded", { cause, clusters: parsed.config.clusters.length });
  }

  async #apply(config: Config, sink: ServiceSink): Promise<void> {
    this.#routes = routesFromConfig(config).routes;
    this.#fromDns = new Set(config.clusters.filter(({ dns }) => dns !== undefined).map(({ name }) => name));
    const names = new Set(config.clusters.map(({ name }) => name.toLowerCase()));
    const former = this.#routed;
    this.#routed = routedAuthorities(this.#routes, names);
    const routed = new Set(this.#routed.map(({ name }) => name));
    for (const each of this.#routed) sink.upsert(staticService(each, this.#routes, this.#options.file, true));
    await this.#discovery!.apply(config);
    for (const { name } of former) if (!routed.has(name) && !names.has(name)) this.#remove(sink, name);
  }

  /** The file has it no more: that is meant. */
  #remove(sink: ServiceSink, name: string): void {
    sink.remove(name, { object: this.#options.file, resourceVersion: "", verb: "DELETED", fieldManager: "" });
  }

  #clusterSink(sink: ServiceSink): ClusterSink {
    return {
      upsert: (cluster) => {
        const deliberate = !this.#fromDns.has(cluster.name);
        sink.upsert(staticService(cluster, this.#routes, this.#options.file, deliberate));
      },
      remove: (name) => {
        const isRouted = this.#routed.some((each) => each.name === name.toLowerCase());
        if (!isRouted) this.#remove(sink, name.toLowerCase());
      },
      complete: () => sink.synced(),
    };
  }
}

function problemText({ problems = [] }: ParsedConfig): string {
  return problems.map(formatConfigProblem).join("\n");
}
