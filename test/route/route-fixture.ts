import { BlockKind } from "../../src/h2/hpack/block-kind.ts";
import { HpackDecoder } from "../../src/h2/hpack/decoder.ts";
import { releaseFields } from "../../src/h2/hpack/release-fields.ts";
import type { Route, RouteConfiguration } from "../../src/resource/route.ts";
import { HeaderView } from "../../src/route/header-view.ts";
import { firstRoute, NO_HOST, RouteTable } from "../../src/route/route-table.ts";
import type { Field, Form } from "../h2/hpack/reference.ts";
import { AREA_OCTETS, makeRig, ReferenceEncoder } from "../h2/hpack/reference.ts";

/** A route for all requests of one authority that does nothing. */
export const PLAIN_ROUTE: Route = {
  name: "plain",
  authorities: ["a.test"],
  matches: [],
  clusters: [],
  sticky: null,
  endpoints: null,
  policy: null,
  requestHeaders: null,
  responseHeaders: null,
  mirror: null,
};

export function configurationOf(...routes: Partial<Route>[]): RouteConfiguration {
  return {
    version: `${routes.length}`,
    routes: routes.map((route, i) => ({ ...PLAIN_ROUTE, name: `route-${i}`, ...route })),
  };
}

/** How a field is to be written. */
export interface Writing {
  readonly form: Form;
  readonly huffman: boolean;
  readonly pick: number;
}

export const PLAIN_WRITING: Writing = { form: "plain", huffman: false, pick: 0 };

/** A client's connection up to its decoder, and a table of routes behind it. */
export class RouteRig {
  readonly rig = makeRig();
  readonly decoder: HpackDecoder;
  readonly table: RouteTable;
  view: HeaderView;
  readonly #client = new ReferenceEncoder();
  readonly #area: number;

  constructor(configuration: RouteConfiguration) {
    const { slab, pool } = this.rig;
    this.decoder = new HpackDecoder(slab, pool, { maxTableOctets: 4096, maxListOctets: 32_768 });
    this.table = new RouteTable(configuration, slab.bytes, pool);
    this.#area = slab.alloc(65_536);
    this.view = new HeaderView(slab.bytes, pool, this.table.names, this.#area);
  }

  /** Looks at requests by the names that the table has now. */
  look(): void {
    const { slab, pool } = this.rig;
    this.view = new HeaderView(slab.bytes, pool, this.table.names, this.#area);
  }

  /** Decodes a section to `rig.block`. @returns the length of its field block. */
  receive(fields: readonly Field[], writing: (i: number) => Writing = () => PLAIN_WRITING): number {
    const { rig, decoder } = this;
    const wire = Buffer.concat(
      fields.map((field, i) => {
        const { form, huffman, pick } = writing(i);
        return this.#client.field(field, form, huffman, pick);
      }),
    );
    wire.copy(rig.slab.bytes, rig.input);
    decoder.decode(rig.input, wire.length, BlockKind.trailers, rig.block, AREA_OCTETS);
    return decoder.outOctets;
  }

  /** @returns the name of the route that a request with these fields gets; undefined for none. */
  find(
    authority: string,
    path: string,
    fields: readonly Field[],
    writing?: (i: number) => Writing,
  ): string | undefined {
    const { table, view, rig } = this;
    const { slab, pool, block, output } = rig;
    const length = this.receive(fields, writing);
    view.begin(block, length);
    slab.bytes.write(authority, output, "latin1");
    const host = table.host(slab.bytes, output, authority.length);
    let name: string | undefined;
    if (host !== NO_HOST) {
      slab.bytes.write(path, output, "latin1");
      const list = table.path(host, slab.bytes, output, path.length);
      name = firstRoute(table.rules(host, list), view)?.route.name;
    }
    releaseFields(slab, pool, block, length);
    return name;
  }

  /** @returns slab octets and interned fields that somebody still has. */
  close(): number {
    this.decoder.free();
    this.rig.slab.free(this.#area);
    return this.rig.pool.entries + this.rig.close();
  }
}
