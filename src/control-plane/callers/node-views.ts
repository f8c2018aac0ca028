import { SeededRandom } from "../../base/random.ts";
import type { KubernetesSource, KubernetesSourceOptions } from "../../controller/kubernetes-source.ts";
import { OptInBook } from "../../controller/opt-in-book.ts";
import type { Log } from "../../telemetry/log.ts";
import type { OtherSource } from "../../xds/cache/joined-source.ts";
import type { OwnTypeUrl } from "../../xds/resources/type-url.ts";
import { OWN_TYPE_URL } from "../../xds/resources/type-url.ts";
import { CallerViews } from "./caller-views.ts";
import { CaptureViews } from "./capture-views.ts";

/** How often it is looked at whether proxies still ask for the callers of their nodes. */
const SWEEP_MS = 30_000;

/** What proxies are told of the traffic side of their nodes: who calls there, and what is captured. It reads the cluster whose clients are served. */
export class NodeViews {
  readonly optIn = new OptInBook((name) => this.#source?.objects?.namespaces.get(name));
  readonly capture = new CaptureViews();
  readonly #log: Log;
  #source: KubernetesSource | undefined;
  #callers: CallerViews | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** What the cluster's source is to be made with. @param more what others want of it. @param fleetService whose endpoints are the proxies, `name.namespace`. */
  sourceOptions(
    more: Pick<KubernetesSourceOptions, "onAnnotated">,
    fleetService: string,
  ): Pick<KubernetesSourceOptions, "onAnnotated" | "onAccess" | "capture" | "proxies"> {
    const [name = "", namespace = ""] = fleetService.split(".");
    return {
      capture: this.capture,
      proxies: `${namespace}/${name}`,
      onAccess: ({ isEverywhere }) => {
        if (isEverywhere) this.#callers?.accessChanged();
      },
      onAnnotated: (previous, current) => {
        more.onAnnotated?.(previous, current);
        const { namespace = "", name = "" } = current ?? previous ?? {};
        if (namespace !== "" || name === "") return;
        this.optIn.changed(name);
        this.#callers?.namespaceChanged(name);
      },
    };
  }

  /** To be told the source before it starts; without one there are no callers. */
  readFrom(source: KubernetesSource | undefined): void {
    this.#source = source;
    if (source === undefined) return;
    this.#callers = new CallerViews({
      api: source.api,
      optIn: this.optIn,
      namespace: (name) => source.objects?.namespaces.get(name),
      access: () => source.access,
      verdicts: () => source.verdicts,
      log: this.#log,
      random: new SeededRandom(process.pid ^ Date.now()),
    });
  }

  /** Where resources of which types come from; none where there is no Kubernetes. */
  get sources(): ReadonlyMap<OwnTypeUrl, OtherSource> {
    if (this.#callers === undefined) return new Map();
    return new Map<OwnTypeUrl, OtherSource>([
      [OWN_TYPE_URL.callerView, this.#callers],
      [OWN_TYPE_URL.captureView, this.capture],
    ]);
  }

  /** Nodes whose Pods are watched. */
  get nodes(): number {
    return this.#callers?.size ?? 0;
  }

  /** @param audience how many clients ask for a resource. */
  start(audience: (type: OwnTypeUrl, name: string) => number): void {
    this.#timer = setInterval(() => {
      this.#callers?.sweep((node) => audience(OWN_TYPE_URL.callerView, node) > 0);
    }, SWEEP_MS);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#callers?.close();
  }
}
