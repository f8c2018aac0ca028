import type { Options } from "../lib/options.ts";
import type { Load } from "../lib/run-loader.ts";

/** A load run through every proxy in turn, whose cost may be limited as a ratio to a peer's. */
export interface ComparedWork {
  row:
    | "u10x10"
    | "u100x1"
    | "u1x100"
    | "u1000x1"
    | "m10x10"
    | "b64k"
    | "b1m"
    | "stream"
    | "mtls10x10"
    | "mtls1m";
  title: string;
  /** Octets of the response message if the figure is CPU per GB, else per request. */
  perGigabyteOf?: number;
  /** Messages of a response if the figure is CPU per message. */
  messages?: number;
  /** Whether only a plain Isobar is there to be judged. */
  plainOnly?: boolean;
  /** Peers that cannot do it, with the reason. */
  without?: Partial<Record<string, string>>;
  load(options: Options): Load;
  /** Highest ratio to a peer; a row without limits may be lost, openly. */
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
    row: "u1x100",
    title: "100 B unary, 1 connection × 100 streams",
    load: () => ({ connections: 1, streams: 100 }),
    limits: {},
  },
  {
    row: "u1000x1",
    title: "100 B unary, 1,000 connections × 1 stream",
    load: () => ({ connections: 1000, streams: 1 }),
    limits: {},
  },
  {
    row: "m10x10",
    title: "100 B unary, 10 × 10, 17 headers, one unique",
    load: (o) => ({ connections: 10 * o.moreConnections, streams: 10 * o.moreStreams, headers17: true }),
    limits: { envoy: 0.15, nghttpx: 0.6 },
  },
  {
    row: "b64k",
    title: "64 KiB responses, 10 connections × 4 streams",
    perGigabyteOf: 65_536,
    load: () => ({ connections: 10, streams: 4, messageOctets: 65_536 }),
    limits: {},
  },
  {
    row: "b1m",
    title: "1 MiB responses, 4 connections × 2 streams",
    perGigabyteOf: mebibyte,
    load: () => ({ connections: 4, streams: 2, messageOctets: mebibyte }),
    limits: { envoy: 0.75 },
  },
  {
    row: "stream",
    title: "server streams of 1,000 messages of 100 B, a DATA frame each, 10 × 4",
    messages: 1000,
    load: () => ({ connections: 10, streams: 4, messages: 1000 }),
    without: { "grpc-js": "that proxy does unary calls only" },
    limits: {},
  },
];
