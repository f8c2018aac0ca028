import { loadConfig } from "./load-config.ts";

/** The process that {@link loadConfigApart} starts: reads the file that its argument names, writes JSON to stdout after a NUL: what a policy of one's own prints comes before. */
const parsed = await loadConfig(process.argv[2] ?? "", process.env);
process.stdout.write(`\0${JSON.stringify(parsed)}`);
