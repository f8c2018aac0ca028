import { globSync } from "node:fs";
import { matchesGlob } from "node:path";

/**
 * Suites that measure times, or start many processes, or build: they run one file after the other, when the unit suites
 * are done, so that nothing but the tested thing uses the machine.
 */
export const HEAVY_FOLDERS = [
  "test/repository/build/",
  "test/repository/documents/",
  "test/conformance/",
  "test/proxy/",
  "test/daemon/threads/",
  "test/daemon/live/",
  "test/attacks/",
  "test/demo/",
  "test/clients/",
  "test/interop/",
  "test/identity/",
  "test/load-reports/",
  "test/drain/",
  "test/simulate/",
  "test/beside-envoy/",
  "test/kube/api-server/",
  "test/cli/cluster/",
  "test/xds/client/",
  "test/sdk/",
  "test/audit/live/",
  "test/control-plane/page/live/",
  "test/control-plane/trust/",
  "test/control-plane/peers/",
  "test/monitoring/",
  "test/deploy/",
  "test/e2e/",
  "test/box/",
  "test/capture/live/",
  "test/soak/",
] as const;

/** Of these, suites that judge no times: two at once, since they mostly wait for one another's processes. */
const PAIRED_FOLDERS = [
  "test/repository/documents/",
  "test/conformance/",
  "test/load-reports/",
  "test/kube/api-server/",
  "test/cli/cluster/",
  "test/xds/client/",
  "test/sdk/",
  "test/audit/live/",
  "test/control-plane/trust/",
  "test/control-plane/peers/",
  "test/monitoring/",
  "test/deploy/",
];

/** Test files by how they may run; paths relative to the repository's root. */
export interface TestFiles {
  /** Run side by side. */
  readonly unit: readonly string[];
  /** Start processes, judge no times: may run two at a time. */
  readonly paired: readonly string[];
  /** Run one after the other. */
  readonly heavy: readonly string[];
}

/**
 * Finds the test files.
 *
 * @param patterns parts of paths or globs; a file is taken if it matches one of them. Empty: all.
 * @throws RangeError naming a pattern that no file matches.
 */
export function findTestFiles(root: string, patterns: readonly string[]): TestFiles {
  const ignored = ["node_modules", "target", "generated"];
  const all = globSync("test/**/*.test.ts", {
    cwd: root,
    exclude: (path) => ignored.some((name) => path.split("/").includes(name)),
  });
  const chosen = new Set(patterns.length === 0 ? all : []);
  for (const pattern of patterns) {
    const plain = pattern.replace(/^\.\//, "");
    const hits = all.filter((file) => file.includes(plain) || matchesGlob(file, plain));
    if (hits.length === 0) throw new RangeError(`no test file matches "${pattern}"`);
    for (const hit of hits) chosen.add(hit);
  }
  const files = [...chosen].sort();
  const weight = (file: string): number => HEAVY_FOLDERS.findIndex((folder) => file.startsWith(folder));
  const isPaired = (file: string): boolean => PAIRED_FOLDERS.some((folder) => file.startsWith(folder));
  const heavy = files.filter((file) => weight(file) >= 0).sort((a, b) => weight(a) - weight(b));
  return {
    unit: files.filter((file) => weight(file) < 0),
    paired: heavy.filter(isPaired),
    heavy: heavy.filter((file) => !isPaired(file)),
  };
}
