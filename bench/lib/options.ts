import { parseArgs } from "node:util";
import { featureVariants } from "../rows/feature-variants.ts";

/** Rows in the order they run: memory first, while the proxies are fresh. */
export const rowNames = [
  "memory",
  "syscalls",
  "allocations",
  "octets",
  "u10x10",
  "u100x1",
  "u1x100",
  "u1000x1",
  "m10x10",
  "b64k",
  "b1m",
  "stream",
  "go-backend",
  "mtls",
  "features",
  "explain",
  "tracing",
  "workers",
  "classes",
  "rate",
  "h2load",
] as const;

/** What the row `features` can leave out: names of feature-variants.ts, of which the first is always there. */
export const featureNames = featureVariants.map(({ name }) => name);

/** Name of one row. */
export type RowName = (typeof rowNames)[number];

/** Proxies the one under test is compared with. */
export const peerNames = ["envoy", "nghttpx", "haproxy", "nginx", "node-http2", "grpc-js"] as const;

/** Name of one peer. */
export type PeerName = (typeof peerNames)[number];

/** What the command line asked for. */
export interface Options {
  rows: RowName[];
  peers: PeerName[];
  /** False leaves the proxy under test out, to look at the peers alone. */
  isobar: boolean;
  /** Whether Isobar with everything of the right pick on takes part, too. */
  rightPick: boolean;
  repetitions: number;
  /** Length of one measured run. */
  seconds: number;
  /** Length of one run at a constant rate. */
  rateSeconds: number;
  quick: boolean;
  check: boolean;
  json: string | undefined;
  loaderCore: number;
  proxyCore: number;
  /** How long to wait before a run until other processes leave the cores alone. */
  patience: number;
  /** Variants of the row `features`; none stands for all. */
  features: string[];
  /** Multiplies the connections of the closed-loop unary rows, when the proxy cannot be kept busy otherwise. */
  moreConnections: number;
  /** Multiplies the streams of the closed-loop unary rows, for the same reason. */
  moreStreams: number;
}

const usage = `usage: npm run bench -- [options]
  --rows LIST            of ${rowNames.join(",")} (all)
  --peers LIST           of ${peerNames.join(",")} (all; "none" for none)
  --no-isobar            the peers alone
  --no-right-pick        without Isobar as it is with zones, outlier detection and retries on, which is judged by the same limits
  --repetitions N        interleaved repetitions of every compared row (7); proxies without a limit take part in the first 3
  --seconds S            length of one measured run (2)
  --rate-seconds S       length of one run at a constant rate (10)
  --quick                3 repetitions of 0.7 s: to see whether all works, too short to trust
  --check                exit code 1 if a limit is missed or could not be judged
  --json FILE            write everything as JSON
  --proxy-core N         core of the proxy under test (1)
  --loader-core N        core of load generator and backends (0)
  --patience S           before each run, wait up to S seconds until the two cores are quiet (0)
  --more-connections N   N times the connections in u10x10, u100x1 and m10x10 (1)
  --more-streams N       N times the streams in u10x10 and m10x10 (1)
  --features LIST        variants of the row "features": of ${featureNames.join(",")} (all)
  --help
bench/install.sh installs what is missing; bench/README.md says what every row means.
`;

/** Reads the command line; prints and exits on --help and on mistakes. */
export function parseOptions(argv: string[]): Options {
  try {
    const { values } = parseArgs({
      args: argv,
      allowNegative: true,
      options: {
        rows: { type: "string", default: rowNames.join(",") },
        peers: { type: "string", default: peerNames.join(",") },
        isobar: { type: "boolean", default: true },
        "right-pick": { type: "boolean", default: true },
        repetitions: { type: "string" },
        seconds: { type: "string" },
        "rate-seconds": { type: "string" },
        quick: { type: "boolean", default: false },
        check: { type: "boolean", default: false },
        json: { type: "string" },
        "proxy-core": { type: "string", default: "1" },
        "loader-core": { type: "string", default: "0" },
        patience: { type: "string", default: "0" },
        "more-connections": { type: "string", default: "1" },
        "more-streams": { type: "string", default: "1" },
        features: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(usage);
      process.exit(0);
    }
    const features = values.features === undefined ? [] : pick("--features", values.features, featureNames);
    return {
      features,
      rows: pick("--rows", values.rows, rowNames),
      peers: values.peers === "none" ? [] : pick("--peers", values.peers, peerNames),
      isobar: values.isobar,
      rightPick: values["right-pick"],
      repetitions: number("--repetitions", values.repetitions ?? (values.quick ? "3" : "7"), 1, 50),
      seconds: number("--seconds", values.seconds ?? (values.quick ? "0.7" : "2"), 0.2, 60),
      rateSeconds: number("--rate-seconds", values["rate-seconds"] ?? (values.quick ? "1" : "10"), 0.2, 300),
      quick: values.quick,
      check: values.check,
      json: values.json,
      loaderCore: number("--loader-core", values["loader-core"], 0, 1023),
      proxyCore: number("--proxy-core", values["proxy-core"], 0, 1023),
      patience: number("--patience", values.patience, 0, 600),
      moreConnections: number("--more-connections", values["more-connections"], 1, 50),
      moreStreams: number("--more-streams", values["more-streams"], 1, 50),
    };
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n${usage}`);
    process.exit(64);
  }
}

function pick<Name extends string>(flag: string, text: string, known: readonly Name[]): Name[] {
  const asked = text.split(",").map((part) => part.trim());
  for (const name of asked) {
    if (!known.some((one) => one === name)) {
      throw new Error(`${flag}: ${JSON.stringify(name)} is none of ${known.join(", ")}`);
    }
  }
  return known.filter((name) => asked.includes(name));
}

function number(flag: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!(value >= min && value <= max)) {
    throw new Error(`${flag}: ${JSON.stringify(text)} is not a number from ${min} to ${max}`);
  }
  return value;
}
