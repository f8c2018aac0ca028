import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { installEnvoy } from "../../test/interop/envoy/install-envoy.ts";
import { places } from "../lib/places.ts";

/** The programs the comparison takes. */
export interface BesidePrograms {
  readonly beside: string;
  readonly envoy: string;
  /** Isobar's launcher. */
  readonly launcher: string;
}

/** Builds or finds what the comparison takes. @returns why it cannot be had here, if so. */
export function findPrograms(): BesidePrograms | { readonly missing: string } {
  if (spawnSync("go", ["version"]).status !== 0) return { missing: "Go is not installed" };
  const envoy = installEnvoy();
  if ("missing" in envoy) return envoy;
  mkdirSync(places.built, { recursive: true });
  const beside = `${places.built}/beside`;
  // Go knows itself what has changed.
  execFileSync("go", ["build", "-buildvcs=false", "-o", beside, "./beside"], {
    cwd: places.goBackend,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return { beside, envoy: envoy.program, launcher: `${places.root}src/cli/launch.mjs` };
}
