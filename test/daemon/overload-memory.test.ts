import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { connectionLimit, openFilesLimit } from "../../src/daemon/connection-limit.ts";
import { fitBudget } from "../../src/daemon/fit-budget.ts";
import { CgroupMemory } from "../../src/daemon/overload-memory.ts";

const MIB = 1_048_576;
const folder = mkdtempSync(join(tmpdir(), "isobar-cgroup-"));
after(() => rmSync(folder, { recursive: true }));
let trees = 0;

interface Tree {
  readonly version: 1 | 2;
  /** /proc/self/cgroup. */
  readonly cgroup: string;
  /** Root of the mount within the hierarchy. */
  readonly root?: string;
  /** Files by folder below the mount point; `limit`, `used` and `stat` by the version's names. */
  readonly groups: Readonly<Record<string, { limit: string; used?: number; stat?: string }>>;
}

/** Lays down a cgroup hierarchy as files. @returns what is found in it. */
function find({ version, cgroup, root = "/", groups }: Tree): CgroupMemory | undefined {
  const base = join(folder, String(trees++));
  const point = join(base, "cg");
  mkdirSync(point, { recursive: true });
  const names =
    version === 1 ? ["memory.limit_in_bytes", "memory.usage_in_bytes"] : ["memory.max", "memory.current"];
  for (const [path, { limit, used = 0, stat = "" }] of Object.entries(groups)) {
    const place = join(point, path);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, names[0]!), `${limit}\n`);
    writeFileSync(join(place, names[1]!), `${used}\n`);
    writeFileSync(join(place, "memory.stat"), stat);
  }
  const type = version === 1 ? "cgroup cgroup rw,memory" : "cgroup2 cgroup2 rw,nsdelegate";
  const cgroupFile = join(base, "cgroup");
  const mountInfoFile = join(base, "mountinfo");
  writeFileSync(cgroupFile, cgroup);
  writeFileSync(
    mountInfoFile,
    `22 1 0:5 / /proc rw - proc proc rw\n30 25 0:26 ${root} ${point} rw,nosuid shared:9 - ${type}\n`,
  );
  return CgroupMemory.find({ cgroupFile, mountInfoFile });
}

describe("the memory limit of the cgroup", () => {
  it("is found in version 2, as a container sees it, without file pages that can be dropped", () => {
    const memory = find({
      version: 2,
      cgroup: "0::/\n",
      groups: {
        "": {
          limit: String(256 * MIB),
          used: 100 * MIB,
          stat: `anon 5\ninactive_file ${30 * MIB}\nfile 7\n`,
        },
      },
    });
    assert.deepEqual(memory?.read(), { limitOctets: 256 * MIB, usedOctets: 70 * MIB });
  });

  it("is the tightest of those above", () => {
    const memory = find({
      version: 2,
      cgroup: "0::/pods/one/main\n",
      groups: {
        "": { limit: "max" },
        pods: { limit: String(900 * MIB), used: 800 * MIB },
        "pods/one": { limit: String(200 * MIB), used: 60 * MIB },
        "pods/one/main": { limit: "max", used: 50 * MIB },
      },
    });
    assert.deepEqual(memory?.read(), { limitOctets: 200 * MIB, usedOctets: 60 * MIB });
  });

  it("is found in version 1, below the root that the mount shows", () => {
    const memory = find({
      version: 1,
      cgroup: "5:cpu:/kube/pod7/abc\n4:memory:/kube/pod7/abc\n0::/\n",
      root: "/kube/pod7/abc",
      groups: {
        "": { limit: String(128 * MIB), used: 90 * MIB, stat: `total_inactive_file ${10 * MIB}\ncache 1\n` },
      },
    });
    assert.deepEqual(memory?.read(), { limitOctets: 128 * MIB, usedOctets: 80 * MIB });
  });

  it("is none where there is none, where it is above the machine's memory, and where no cgroup tells", () => {
    const none = { version: 2, cgroup: "0::/\n" } as const;
    assert.equal(find({ ...none, groups: { "": { limit: "max" } } }), undefined);
    assert.equal(find({ ...none, groups: { "": { limit: String(2 ** 50) } } }), undefined);
    assert.equal(
      find({ version: 1, cgroup: "4:memory:/\n", groups: { "": { limit: "9223372036854771712" } } }),
      undefined,
    );
    assert.equal(find({ ...none, groups: {} }), undefined);
    assert.equal(CgroupMemory.find({ cgroupFile: "/nonexistent", mountInfoFile: "/nonexistent" }), undefined);
  });
});

describe("what fits into the system's limits", () => {
  it("of the octet budget leaves room for the process itself", () => {
    assert.equal(fitBudget(256 * MIB, 1024 * MIB, 1), 256 * MIB);
    assert.equal(fitBudget(256 * MIB, 256 * MIB, 1), 134 * MIB);
    assert.equal(fitBudget(256 * MIB, 256 * MIB, 2), 118 * MIB);
    assert.equal(fitBudget(4 * MIB, 256 * MIB, 1), 4 * MIB);
    assert.equal(fitBudget(256 * MIB, 64 * MIB, 2), 16 * MIB);
  });

  it("of connections leaves files for endpoints and ourselves", () => {
    assert.equal(connectionLimit(undefined, 1024), 720);
    assert.equal(connectionLimit(100, 1024), 100);
    assert.equal(connectionLimit(5000, 1024), 720);
    assert.equal(connectionLimit(undefined, 30), 16);
    assert.ok(openFilesLimit() >= 64);
    assert.equal(openFilesLimit("/nonexistent"), 65_536);
  });
});
