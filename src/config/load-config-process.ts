import { loadConfig } from "./load-config.ts";

/** The process that {@link loadConfigApart} starts: reads the file that its argument names, writes JSON to stdout. */
const parsed = await loadConfig(process.argv[2] ?? "", process.env);
process.stdout.write(JSON.stringify(parsed));
