// Random traffic through the data plane for minutes; afterwards nothing may be left, and no octet may have gone astray.
import { parseArgs } from "node:util";
import { formatSpan, StatusLine } from "../../scripts/status-line.ts";
import { describeSoak, judgeSoak } from "./judge-soak.ts";
import { soak } from "./soak.ts";

const USAGE = `usage: npm run soak -- [options]
  --minutes N   length in all (5); two fifths of it with socket buffers of 4 KiB, which takes root and Linux
  --seed N      what the traffic is drawn from (the time)
  --help
Exit code 0 when every octet was right and all came back to where it was.
`;

/** Share of the time in a network whose sockets take most writes in parts. */
const SMALL_SHARE = 0.4;

async function main(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      minutes: { type: "string", default: "5" },
      seed: { type: "string", default: String(Math.trunc(Date.now() / 1000) % 1_000_000) },
      help: { type: "boolean", default: false },
    },
  });
  const minutes = Number(values.minutes);
  const seed = Number(values.seed);
  if (values.help || !(minutes > 0) || !Number.isInteger(seed)) {
    process.stdout.write(USAGE);
    return values.help ? 0 : 64;
  }
  process.stdout.write(`seed ${seed}\n`);
  const line = new StatusLine();
  let progress = "";
  let bad = 0;
  for (const smallBuffers of [true, false]) {
    const milliseconds = minutes * 60_000 * (smallBuffers ? SMALL_SHARE : 1 - SMALL_SHARE);
    const name = smallBuffers ? "small buffers" : "plain";
    line.show(() => `${name}: ${progress}`);
    const report = await soak({
      seed,
      milliseconds,
      smallBuffers,
      onProgress: (text) => {
        progress = text;
      },
    }).finally(() => line.clear());
    const problems = judgeSoak(report);
    const lines = [
      `${name}, ${formatSpan(milliseconds)}:`,
      ...describeSoak(report),
      ...problems.map((each) => `WRONG: ${each}`),
    ];
    process.stdout.write(`${lines.join("\n  ")}\n`);
    bad += problems.length;
  }
  return bad === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
