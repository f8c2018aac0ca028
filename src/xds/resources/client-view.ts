import type { ClientKind } from "./client-kind.ts";

/** For whom resources are made: clients with the same view get the same octets. */
export interface ClientView {
  /** Unique among views; also what their resources are kept under. */
  readonly id: string;
  readonly kind: ClientKind;
  /** Where the client runs; "" when not known, and for proxies of ours, which find out themselves what is near. */
  readonly region: string;
  readonly zone: string;
  /** The node it runs on, for services whose endpoints serve their own node only; "" when not known, and for proxies of ours. */
  readonly node: string;
}

/** Most places that are told apart. Who names a further one is served as one whose place is not known. */
const MAX_VIEWS = 256;

/** Gives clients of one kind and place the same view, so that what is encoded for one serves all. */
export class ClientViews {
  readonly #views = new Map<string, ClientView>();

  /** @param node of the client. It is no part of the view's id: few resources differ by it. */
  of(kind: ClientKind, region: string, zone: string, node = ""): ClientView {
    const view = this.#placed(kind, region, zone);
    return node === "" || kind === "isobar" ? view : { ...view, node };
  }

  #placed(kind: ClientKind, region: string, zone: string): ClientView {
    if (kind === "isobar" || zone === "") return this.#view(kind, "", "");
    const known = this.#views.get(idOf(kind, region, zone));
    if (known !== undefined) return known;
    return this.#views.size < MAX_VIEWS ? this.#view(kind, region, zone) : this.#view(kind, "", "");
  }

  #view(kind: ClientKind, region: string, zone: string): ClientView {
    const id = idOf(kind, region, zone);
    let view = this.#views.get(id);
    if (view === undefined) {
      view = { id, kind, region, zone, node: "" };
      this.#views.set(id, view);
    }
    return view;
  }
}

function idOf(kind: ClientKind, region: string, zone: string): string {
  return `${kind}|${region}|${zone}`;
}
