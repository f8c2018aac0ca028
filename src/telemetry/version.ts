import { readFileSync } from "node:fs";

// The same two levels up from src/telemetry and from dist/telemetry.
const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
};

/** The version of this package. */
export const VERSION = manifest.version;
