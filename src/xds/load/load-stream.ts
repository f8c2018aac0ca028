import type { ClientKind } from "../resources/client-kind.ts";
import { clientKindOf } from "../resources/client-kind.ts";
import type { LoadBook } from "./load-book.ts";
import { decodeLoadStatsRequest } from "./load-stats.ts";
import { encodeLoadStatsResponse } from "./load-stats-response.ts";
import type { ReportingCaller, TrafficBook } from "./traffic-book.ts";

/** What is counted of reports; whoever makes it reads it. */
export class LoadReportCounts {
  /** Reports taken, by kind of client. */
  readonly reports: Record<string, number> = { isobar: 0, envoy: 0, grpc: 0 };
  /** Services in them that are not known, and reports that could not be read. */
  unknownServices = 0;
  refused = 0;
  /** Streams that were ended because their client may have nothing (any more), and because there were too many. */
  refusedClients = 0;
  tooManyStreams = 0;
}

/** What a {@link LoadStream} works with. */
export interface LoadStreamOptions {
  readonly book: Pick<LoadBook, "report" | "forget">;
  readonly counts: LoadReportCounts;
  /** Where what people look at is kept; default: nowhere. */
  readonly traffic?: TrafficBook | undefined;
  /** @returns where a node is that does not say it; undefined where nobody knows. */
  readonly placeOf?: (nodeId: string) => { readonly region: string; readonly zone: string } | undefined;
  /** How often reports are wanted, in ms. */
  readonly intervalMs: () => number;
  readonly nowMs: () => number;
  readonly write: (octets: Buffer) => void;
  /** Told who reports, before anything of it counts. */
  readonly onNode?: (node: { readonly id: string; readonly kind: ClientKind }) => void;
}

let lastReporter = 0;

/** The stream on which one client reports its load: it says who it is, is told what is wanted, and reports from then on. */
export class LoadStream {
  readonly #options: LoadStreamOptions;
  readonly #reporter = ++lastReporter;
  #kind: ClientKind | undefined;
  #caller: ReportingCaller = { id: "", region: "", zone: "" };
  #toldMs = 0;

  constructor(options: LoadStreamOptions) {
    this.#options = options;
  }

  /** A message has come. @throws what decoding throws; the stream is to be ended then. */
  receive(octets: Uint8Array): void {
    const { book, counts, nowMs, traffic } = this.#options;
    const { node, clusters } = decodeLoadStatsRequest(octets, traffic !== undefined);
    if (this.#kind === undefined) {
      const kind = clientKindOf(node?.userAgentName ?? "");
      this.#kind = kind;
      const { region = "", zone = "" } = node?.locality ?? {};
      this.#caller = { id: node?.id ?? "", region, zone };
      this.#options.onNode?.({ id: node?.id ?? "", kind });
      this.#tell();
      return;
    }
    counts.reports[this.#kind]!++;
    counts.unknownServices += book.report(this.#reporter, clusters, nowMs());
    traffic?.report(this.#reporter, this.#placed(), clusters, nowMs());
    this.#tell();
  }

  /** The stream is over, and with it all that the client had in flight as far as we know. */
  closed(): void {
    this.#options.book.forget(this.#reporter);
    this.#options.traffic?.forget(this.#reporter);
  }

  /** A proxy that does not know its zone is told it by us, perhaps later than this stream began. */
  #placed(): ReportingCaller {
    const caller = this.#caller;
    const place = caller.zone === "" ? this.#options.placeOf?.(caller.id) : undefined;
    if (place !== undefined) this.#caller = { ...caller, region: place.region, zone: place.zone };
    return this.#caller;
  }

  #tell(): void {
    const intervalMs = this.#options.intervalMs();
    if (intervalMs === this.#toldMs) return;
    this.#toldMs = intervalMs;
    const wanted = { clusters: [], sendAllClusters: true, intervalMs, byEndpoint: true };
    this.#options.write(encodeLoadStatsResponse(wanted));
  }
}
