import type { Metric } from "prom-client";
import { Registry } from "prom-client";
import type { MetricDefinition } from "./metric-catalog.ts";
import { METRIC } from "./metric-catalog.ts";
import { MetricFamily } from "./metric-family.ts";
import type { ScrapePace } from "./scrape-pace.ts";

/** Lines rendered between two looks at the clock: some 0.3 ms of work. */
const WINDOW_LINES = 200;

/** The metric families of the process and their text, rendered by prom-client part by part. */
export class Exposition {
  /** For the Content-Type header: Prometheus text format 0.0.4. */
  readonly contentType: string;

  readonly #registry = new Registry();
  readonly #families = new Map<string, MetricFamily>();

  /** @param definitions the metrics of this process; default: those of the proxy. */
  constructor(definitions: readonly MetricDefinition[] = Object.values(METRIC)) {
    this.contentType = this.#registry.contentType;
    for (const definition of definitions) {
      const family = new MetricFamily(definition);
      this.#families.set(definition.name, family);
      // All that the registry asks of a metric is its name and get(); its types want one of its own classes.
      this.#registry.registerMetric(family as unknown as Metric);
    }
  }

  family(definition: MetricDefinition): MetricFamily {
    return this.#families.get(definition.name)!;
  }

  /** The text in parts, each ending with a newline; together they are one valid exposition. */
  async *render(pace: ScrapePace): AsyncGenerator<string> {
    for (const family of this.#families.values()) {
      let isFirst = true;
      for (const _ of family.windows(WINDOW_LINES)) {
        const text = await this.#registry.getSingleMetricAsString(family.name);
        const lines = isFirst ? text : withoutDescription(text);
        if (lines !== "") yield `${lines}\n`;
        isFirst = false;
        await pace.pause();
      }
    }
  }
}

/** HELP and TYPE may appear once per metric only. */
function withoutDescription(text: string): string {
  const helpEnd = text.indexOf("\n");
  const typeEnd = text.indexOf("\n", helpEnd + 1);
  return typeEnd < 0 ? "" : text.slice(typeEnd + 1);
}
