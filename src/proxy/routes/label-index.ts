import type { SlotLinks } from "../../base/slot-list.ts";
import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { CompiledRoute } from "../../route/compiled-route.ts";
import type { HeaderView } from "../../route/header-view.ts";
import { OctetMap } from "../../route/octet-map.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import { endpointLabels } from "./endpoint-labels.ts";
import { RestrictedEndpoints } from "./restricted-endpoints.ts";

/**
 * Which endpoints of one cluster a route restricts a request to, by the values of the request's headers. Values are strangers'
 * input: only those that some endpoint's label has lead anywhere, and every endpoint has one, so that all sets together have
 * no more members than the cluster has endpoints.
 */
export class LabelIndex {
  readonly cluster: ClusterRuntime;
  readonly #links: SlotLinks;
  readonly #route: CompiledRoute;
  #snapshot: ClusterSnapshot | undefined;
  /** For each label that a header gives, its values and their numbers from 1. */
  #values: OctetMap[] = [];
  #sets = new Map<number, RestrictedEndpoints>();

  constructor(cluster: ClusterRuntime, links: SlotLinks, route: CompiledRoute) {
    this.cluster = cluster;
    this.#links = links;
    this.#route = route;
  }

  /** @returns undefined when no endpoint has the labels the request asks for, or the request does not say. */
  find(view: HeaderView): RestrictedEndpoints | undefined {
    if (this.#snapshot !== this.cluster.snapshot) this.#build(this.cluster.snapshot);
    const headerLabels = this.#route.headerLabels!;
    let combination = 0;
    for (let i = 0; i < headerLabels.length; i++) {
      const { header } = headerLabels[i]!;
      const length = view.decode(header);
      if (length < 0) return undefined;
      const values = this.#values[i]!;
      const value = values.find(view.bytes, view.valueAt[header]!, length);
      if (value < 0) return undefined;
      combination = combination * (values.size + 1) + value;
    }
    return this.#sets.get(combination);
  }

  #build(snapshot: ClusterSnapshot): void {
    const headerLabels = this.#route.headerLabels!;
    const { labels: fixed, fallback } = this.#route.route.endpoints!;
    const former = new Map([...this.#sets.values()].map((set) => [set.key, set]));
    const members = endpointLabels(snapshot).filter(
      (labels) =>
        Object.entries(fixed).every(([label, value]) => labels[label] === value) &&
        headerLabels.every(({ label }) => labels[label] !== undefined),
    );
    this.#snapshot = snapshot;
    this.#values = headerLabels.map(({ label }) => {
      const values = new OctetMap();
      for (const value of new Set(members.map((labels) => labels[label]!)))
        values.set(Buffer.from(value, "utf8"), values.size + 1);
      return values;
    });
    this.#sets = new Map();
    for (const labels of members) {
      let combination = 0;
      const wanted: Record<string, string> = { ...fixed };
      for (const [i, { label }] of headerLabels.entries()) {
        const octets = Buffer.from(labels[label]!, "utf8");
        const values = this.#values[i]!;
        combination = combination * (values.size + 1) + values.find(octets, 0, octets.length);
        wanted[label] = labels[label]!;
      }
      if (this.#sets.has(combination)) continue;
      const set = new RestrictedEndpoints(this.cluster, this.#links, wanted, fallback === "any");
      // Streams may wait in the set there was: its queue goes on.
      this.#sets.set(combination, former.get(set.key) ?? set);
    }
  }
}
