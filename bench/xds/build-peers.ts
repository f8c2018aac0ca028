import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { places } from "../lib/places.ts";

/** Builds the program of peers/; Go itself knows what has changed. @returns its path. @throws when there is no Go. */
export function buildPeers(): string {
  mkdirSync(places.built, { recursive: true });
  const target = `${places.built}/xds-peers`;
  execFileSync("go", ["build", "-mod=readonly", "-buildvcs=false", "-o", target, "."], {
    cwd: fileURLToPath(new URL("peers", import.meta.url)),
    env: { ...process.env, GOTOOLCHAIN: "local", CGO_ENABLED: "0" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  return target;
}
