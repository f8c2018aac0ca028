import { parseArgs } from "node:util";

/** What the command line asks for. */
export interface ScaleOptions {
  readonly services: number;
  /** Of each service. */
  readonly endpoints: number;
  readonly streams: number;
  /** Services each stream subscribes to. */
  readonly perStream: number;
  /** Changes per second of services taken evenly. */
  readonly rate: number;
  /** Further changes per second, of services that the real proxy uses. */
  readonly probeRate: number;
  readonly seconds: number;
  /** The streams stand for as many other machines: by so much everything else on this one comes before them, as nice(1) has it. */
  readonly streamsNiceness: number;
  readonly tls: boolean;
  /** Whether the build is measured, which is what ships; else the sources. */
  readonly build: boolean;
  readonly check: boolean;
  readonly json: string | undefined;
  /** Folder for a profile of the control plane's processor time. */
  readonly profile: string | undefined;
  /** Whether it is shown where the time of a write goes. */
  readonly legs: boolean;
  /** Whether the log of the control plane is shown at the end. */
  readonly log: boolean;
}

const USAGE = `node bench/xds/scale.ts [options]
  --services N      (5000)
  --endpoints N     of each service (20)
  --streams N       delta streams, each with a connection (1000)
  --per-stream N    services that a stream subscribes to, taken by Zipf's law (50)
  --rate N          changes of EndpointSlices per second, of services taken evenly (100)
  --probe-rate N    of these so many are of services that a real proxy uses (5)
  --seconds N       how long changes are written (40)
  --streams-niceness N  how far everything else comes before the streams, which stand for other machines (0); 19 is the most
  --no-tls          in clear text
  --no-build        runs the sources, which takes more memory: to see whether all works
  --check           exit code 1 if a limit is missed
  --json FILE       writes all figures there
  --profile FOLDER  where a profile of the control plane goes
  --legs            shows where the time of a write goes; costs some of it
  --log             shows the end of the control plane's log
It takes Go, ../shared/kubelab and openssl. docs/control-plane.md says what is measured and how.
`;

/** Reads the command line; prints and exits on --help and on mistakes. */
export function parseScaleOptions(argv: string[]): ScaleOptions {
  try {
    const { values } = parseArgs({
      args: argv,
      allowNegative: true,
      options: {
        services: { type: "string", default: "5000" },
        endpoints: { type: "string", default: "20" },
        streams: { type: "string", default: "1000" },
        "per-stream": { type: "string", default: "50" },
        rate: { type: "string", default: "100" },
        "probe-rate": { type: "string", default: "5" },
        seconds: { type: "string", default: "40" },
        "streams-niceness": { type: "string", default: "0" },
        tls: { type: "boolean", default: true },
        build: { type: "boolean", default: true },
        check: { type: "boolean", default: false },
        json: { type: "string" },
        profile: { type: "string" },
        legs: { type: "boolean", default: false },
        log: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    const services = number("services", values.services, 1, 20_000);
    const rate = number("rate", values.rate, 1, 1_000);
    return {
      services,
      endpoints: number("endpoints", values.endpoints, 2, 10_000),
      streams: number("streams", values.streams, 1, 5_000),
      perStream: Math.min(services, number("per-stream", values["per-stream"], 1, 1_000)),
      rate,
      probeRate: Math.min(rate, number("probe-rate", values["probe-rate"], 1, 100)),
      seconds: number("seconds", values.seconds, 1, 600),
      streamsNiceness: number("streams-niceness", values["streams-niceness"], 0, 19),
      tls: values.tls,
      build: values.build,
      check: values.check,
      json: values.json,
      profile: values.profile,
      legs: values.legs,
      log: values.log,
    };
  } catch (error) {
    process.stderr.write(`scale: ${(error as Error).message}\n${USAGE}`);
    process.exit(64);
  }
}

function number(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new Error(`--${flag}: "${text}" is not a number from ${least} to ${most}`);
}
