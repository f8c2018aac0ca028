import type { CallerView } from "../resources/caller-view.ts";
import { decodeCallerView } from "../resources/caller-view.ts";
import type { CaptureView } from "../resources/capture-view.ts";
import { CAPTURE_VIEW, decodeCaptureView } from "../resources/capture-view.ts";
import type { NodeView } from "../resources/node-view.ts";
import { decodeNodeView } from "../resources/node-view.ts";
import type { ServiceView } from "../resources/service-view.ts";
import { decodeServiceView } from "../resources/service-view.ts";
import { OWN_TYPE_URL } from "../resources/type-url.ts";
import type { ResourceEntry } from "./resource-entry.ts";
import { ResourceTable } from "./resource-table.ts";

/** Told what a control plane of ours knows of the fleet. Other control planes know nothing of it: then it hears nothing. */
export interface FleetViewSink {
  /** This proxy's place; undefined when the control plane says that it has none. */
  node(view: NodeView | undefined): void;
  /** What all callers of a cluster have, again and again. */
  service(view: ServiceView): void;
  /**
   * All pods of this node, again at each change. What came last stays while no control plane can be reached, and while one that was just started does not know it
   * yet: a list with nobody in it is said as such. Asked for only where this is here.
   */
  readonly callers?: ((view: CallerView) => void) | undefined;
  /** Which services are captured, again at each change; stays likewise. Asked for only where this is here. */
  readonly capture?: ((view: CaptureView) => void) | undefined;
}

/** Places and services. */
const USUAL_TABLES = 2;

/** Resources of our own that a proxy asks for: its place in the fleet, and what is known of the services it uses. */
export class OwnViews {
  readonly tables: readonly ResourceTable[];
  readonly #nodes: ResourceTable;
  readonly #services: ResourceTable;
  readonly #onWanted: () => void;

  /**
   * @param nodeId whose place in the fleet is asked for; "" for nobody's.
   * @param onWanted told when something else is wanted than before.
   */
  constructor(nodeId: string, sink: FleetViewSink, onWanted: () => void) {
    this.#onWanted = onWanted;
    const nodes = new ResourceTable({
      kind: { typeUrl: OWN_TYPE_URL.nodeView, decode: decodeNodeView, nameOf },
      keepOctets: true,
      onChange: ({ value }) => sink.node(value as NodeView | undefined),
    });
    if (nodeId !== "") nodes.add(nodeId);
    this.#nodes = nodes;
    this.#services = new ResourceTable({
      kind: { typeUrl: OWN_TYPE_URL.serviceView, decode: decodeServiceView, nameOf },
      keepOctets: false,
      onChange: ({ value }) => {
        const view = value as ServiceView | undefined;
        if (view?.removed === false) sink.service(view);
      },
    });
    this.tables = [nodes, this.#services, ...captureTables(nodeId, sink)];
  }

  /** This proxy's place as it came; undefined where there is none. */
  get place(): ResourceEntry | undefined {
    return [...this.#nodes.entries].find(({ state }) => state === "present");
  }

  /** Takes the place that the disk has, if it is this proxy's. @returns why it is of no use, "" when it is. */
  restorePlace(name: string, version: string, octets: Uint8Array): string {
    return this.#nodes.restore(name, version, octets);
  }

  /** Whether something of it is wanted by itself, and not for the sake of services that are in use. */
  get isUrgent(): boolean {
    return this.tables.length > USUAL_TABLES;
  }

  /** Whether the control plane says that the cluster was taken away, and that this is meant. */
  wasRemoved(cluster: string): boolean {
    return (this.#services.get(cluster) as ResourceEntry<ServiceView> | undefined)?.value?.removed === true;
  }

  use(cluster: string): void {
    if (this.#services.add(cluster)) this.#onWanted();
  }

  unuse(cluster: string): void {
    if (this.#services.delete(cluster)) this.#onWanted();
  }
}

function captureTables(nodeId: string, sink: FleetViewSink): ResourceTable[] {
  const tables: ResourceTable[] = [];
  if (sink.callers !== undefined && nodeId !== "") {
    const callers = new ResourceTable({
      kind: { typeUrl: OWN_TYPE_URL.callerView, decode: decodeCallerView, nameOf },
      // Not for the disk: who had an address an hour ago says nothing of who has it now.
      keepOctets: false,
      onChange: ({ value }) => {
        if (value !== undefined) sink.callers?.(value as CallerView);
      },
    });
    callers.add(nodeId);
    tables.push(callers);
  }
  if (sink.capture !== undefined) {
    const capture = new ResourceTable({
      kind: { typeUrl: OWN_TYPE_URL.captureView, decode: decodeCaptureView, nameOf },
      keepOctets: false,
      onChange: ({ value }) => {
        if (value !== undefined) sink.capture?.(value as CaptureView);
      },
    });
    capture.add(CAPTURE_VIEW);
    tables.push(capture);
  }
  return tables;
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}
