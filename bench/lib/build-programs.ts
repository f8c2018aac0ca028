import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { places } from "./places.ts";

/** Paths of the programs built from the sources in this folder. */
export interface Programs {
  loader: string;
  backend: string;
  /** Builds the grpc-go backend; throws if there is no Go toolchain or its modules cannot be had. */
  goBackend(): string;
}

/** Builds Isobar, and compiles the load generator and the backends if their sources are newer than what is there. */
export function buildPrograms(): Programs {
  mkdirSync(places.built, { recursive: true });
  execFileSync("npm", ["run", "-s", "build"], { cwd: places.root, stdio: "inherit" });
  return { loader: buildLoader(), backend: buildBackend(), goBackend: buildGoBackend };
}

/** Compiles the load generator alone. @returns the program's path. */
export function buildLoader(): string {
  mkdirSync(places.built, { recursive: true });
  return compile("loader", ["loader.c", "conn.c", "hpack-encode.c", "hpack-decode.c"]);
}

/** Compiles the backends alone. @returns the program's path. */
export function buildBackend(): string {
  mkdirSync(places.built, { recursive: true });
  return compile("backend", ["backend.c", "conn.c", "tls.c"], ["-lssl", "-lcrypto"]);
}

function compile(name: string, sources: string[], libraries: string[] = []): string {
  const target = `${places.built}/${name}`;
  if (isOlder(target, places.load)) {
    const paths = sources.map((file) => `${places.load}/${file}`);
    execFileSync("cc", ["-O2", "-Wall", "-Wextra", "-o", target, ...paths, ...libraries], {
      stdio: "inherit",
    });
  }
  return target;
}

function buildGoBackend(): string {
  const target = `${places.built}/go-backend`;
  if (isOlder(target, places.goBackend)) {
    execFileSync("go", ["build", "-o", target, "."], {
      cwd: places.goBackend,
      stdio: ["ignore", "ignore", "pipe"],
    });
  }
  return target;
}

function isOlder(target: string, folder: string): boolean {
  if (!existsSync(target)) {
    return true;
  }
  const built = statSync(target).mtimeMs;
  return readdirSync(folder).some((file) => statSync(`${folder}/${file}`).mtimeMs > built);
}
