import type { Options } from "../lib/options.ts";
import type { Load } from "../lib/run-loader.ts";

/** A load run through every proxy in turn, whose cost is limited as a ratio to the peers'. */
export interface ComparedWork {
  row: "u10x10" | "u100x1" | "m10x10" | "b1m";
  title: string;
  /** Octets of the response message if the figure is CPU per GB, else per request. */
  perGigabyteOf?: number;
  load(options: Options): Load;
  /** Highest ratio to each peer. */
  limits: Partial<Record<string, number>>;
}

const mebibyte = 1 << 20;

/** All of them. */
export const comparedWork: ComparedWork[] = [
  {
    row: "u10x10",
    title: "100 B unary, 10 connections × 10 streams",
    load: (o) => ({ connections: 10 * o.moreConnections, streams: 10 * o.moreStreams }),
    limits: { envoy: 0.15, nghttpx: 0.6 },
  },
  {
    row: "u100x1",
    title: "100 B unary, 100 connections × 1 stream",
    load: (o) => ({ connections: 100 * o.moreConnections, streams: 1 }),
    limits: { envoy: 0.25, nghttpx: 0.85 },
  },
  {
    row: "m10x10",
    title: "100 B unary, 10 × 10, 17 headers, one unique",
    load: (o) => ({ connections: 10 * o.moreConnections, streams: 10 * o.moreStreams, headers17: true }),
    limits: { envoy: 0.15, nghttpx: 0.6 },
  },
  {
    row: "b1m",
    title: "1 MiB responses, 4 connections × 2 streams",
    perGigabyteOf: mebibyte,
    load: () => ({ connections: 4, streams: 2, messageOctets: mebibyte }),
    limits: { envoy: 0.75 },
  },
];
