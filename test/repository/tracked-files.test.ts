import assert from "node:assert/strict";
import { it } from "node:test";
import { readText, trackedFiles } from "./repository-files.ts";

const BINARY = /\.(png|gz|bin|ico|jar)$/;
/** Says nothing on any other machine: home and work folders, job folders. */
const MACHINE_PATH = /(?:^|[\s"'`(=:])\/(?:work|root|home\/[a-z]+)\/[\w.-]/m;
/** Hosts packages come from: which one is the machine's business, not the repository's. */
const REGISTRY_HOST =
  /registry\.npmjs\.org|registry\.yarnpkg|files\.pythonhosted|proxy\.golang\.org|\/artifactory\//;

it("no file names a folder of the machine it was written on, or a package registry", () => {
  const found: string[] = [];
  for (const path of trackedFiles()) {
    if (BINARY.test(path) || path === "test/repository/tracked-files.test.ts") continue;
    const text = readText(path);
    for (const rule of [MACHINE_PATH, REGISTRY_HOST]) {
      const match = rule.exec(text);
      if (match !== null) found.push(`${path}: ${match[0].trim()}`);
    }
  }
  assert.deepEqual(found, []);
});

it("the lockfile names no host, so that npm ci works behind any mirror, and pins every package by its digest", () => {
  const lock = JSON.parse(readText("package-lock.json")) as {
    readonly packages: Readonly<Record<string, { readonly resolved?: string; readonly integrity?: string }>>;
  };
  const packages = Object.entries(lock.packages).filter(([path]) => path !== "");
  assert.ok(packages.length > 50);
  assert.deepEqual(
    packages.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path),
    [],
  );
  assert.deepEqual(
    packages.filter(([, entry]) => entry.integrity === undefined).map(([path]) => path),
    [],
  );
});

it("the lockfile has every package that another one may bring along, else npm ci refuses it", () => {
  interface Entry {
    readonly dependencies?: Readonly<Record<string, string>>;
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  }
  const lock = JSON.parse(readText("package-lock.json")) as {
    readonly packages: Readonly<Record<string, Entry>>;
  };
  const isThere = (path: string, name: string): boolean => {
    const nested = path.split("/node_modules/");
    const folders = nested.map((_, depth) => nested.slice(0, depth + 1).join("/node_modules/"));
    const places = ["", ...folders.map((folder) => `${folder}/`)];
    return places.some((place) => lock.packages[`${place}node_modules/${name}`] !== undefined);
  };
  const missing = Object.entries(lock.packages).flatMap(([path, entry]) =>
    Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
      .filter((name) => !isThere(path, name))
      .map((name) => `${path} → ${name}`),
  );
  assert.deepEqual(missing, []);
});

it("nothing that is built, fetched or left over is tracked", () => {
  const junk =
    /(^|\/)(node_modules|dist|__pycache__|target)\/|\.(whl|log|orig|rej|class|pyc|tsbuildinfo)$|^\.[^/]+\.mjs$/;
  assert.deepEqual(trackedFiles(junk), []);
});

it("every test file is one that npm test runs", () => {
  const named = trackedFiles(/^(?!.*fixtures).*\.(test|spec)\.[cm]?[jt]s$/);
  assert.ok(named.length > 10);
  assert.deepEqual(
    named.filter((path) => !/^test\/.*\.test\.ts$/.test(path)),
    [],
  );
});
