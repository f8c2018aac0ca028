// Makes the image's file tree of a few programs: each with the libraries that it loads, what Debian says of the packages they are from, and nothing
// else, so that there is no shell, no package manager and no scripting language but Node in it.
//
//   node scripts/image/collect-files.ts TARGET PROGRAM...
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";

/** Folders that Debian leads into /usr; programs name their loader and libraries by either. */
const MERGED = ["bin", "sbin", "lib", "lib64"];
/** The user that containers run as, by number in manifests. */
const USER = 65_532;
/** What C libraries and nft look up by name. */
const FILES: Readonly<Record<string, string>> = {
  "etc/passwd": `root:x:0:0:root:/:/sbin/nologin\nisobar:x:${USER}:${USER}:isobar:/:/sbin/nologin\n`,
  "etc/group": `root:x:0:\nisobar:x:${USER}:\n`,
  "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\nservices: files\n",
  "etc/protocols": "ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\n",
  // Not launch.mjs itself: a build has no executable files, and its first line asks for a program `env`.
  "usr/local/bin/isobar": '#!/usr/local/bin/node\nimport("/isobar/dist/cli/launch.mjs");\n',
};

const [target = "", ...programs] = process.argv.slice(2);
if (target === "" || programs.length === 0) {
  console.error("usage: node scripts/image/collect-files.ts TARGET PROGRAM...");
  process.exit(64);
}
collect(target, programs);

function collect(folder: string, names: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  for (const name of MERGED) {
    if (existsSync(`/${name}`) && lstatSync(`/${name}`).isSymbolicLink())
      symlinkSync(readlinkSync(`/${name}`), join(folder, name));
  }
  const packages = new Set<string>();
  for (const name of names) {
    const program = name === "node" ? process.execPath : findProgram(name);
    const to = name === "node" ? "/usr/local/bin/node" : realName(program);
    copy(program, folder, to);
    addPackage(packages, program);
    for (const library of librariesOf(program)) {
      copy(library, folder, realName(library));
      addPackage(packages, library);
    }
  }
  // Symbols are a fifth of Node's file, and no part of what runs.
  execFileSync("strip", ["--strip-unneeded", join(folder, "usr/local/bin/node")]);
  const license = join(dirname(process.execPath), "../LICENSE");
  if (existsSync(license)) copy(license, folder, "/usr/share/doc/nodejs/LICENSE");
  for (const name of packages) describePackage(name, folder);
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  chmodSync(join(folder, "usr/local/bin/isobar"), 0o755);
  mkdirSync(join(folder, "tmp"));
  chmodSync(join(folder, "tmp"), 0o1777);
}

/** @throws Error naming the program that is nowhere. */
function findProgram(name: string): string {
  const { PATH = "" } = process.env;
  for (const folder of [...PATH.split(delimiter), "/usr/sbin", "/sbin"]) {
    if (existsSync(join(folder, name))) return join(folder, name);
  }
  throw new Error(`${name}: found nowhere in ${PATH}; wanted it installed`);
}

/** What the dynamic loader says that a program loads, its loader included. */
function librariesOf(program: string): readonly string[] {
  const lines = execFileSync("ldd", [program], { encoding: "utf8" }).split("\n");
  const missing = lines.find((line) => line.includes("not found"));
  if (missing !== undefined) throw new Error(`${program}: ${missing.trim()}`);
  return lines.flatMap((line) => /(?:=> |^\t)(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

/** A file's place without links among its folders; its own name may be one, by which it is asked for. */
function realName(path: string): string {
  return join(realpathSync(dirname(path)), basename(path));
}

function copy(from: string, folder: string, to: string): void {
  const path = join(folder, to);
  mkdirSync(dirname(path), { recursive: true });
  cpSync(realpathSync(from), path);
}

/** Adds the Debian package that a file is from; Node's is from none. */
function addPackage(packages: Set<string>, path: string): void {
  const real = realpathSync(path);
  for (const each of [real, real.replace(/^\/usr\//, "/"), path]) {
    try {
      const found = execFileSync("dpkg-query", ["-S", each], { encoding: "utf8", stdio: "pipe" });
      packages.add(found.slice(0, found.search(/[:,]/)));
      return;
    } catch {
      // Debian may know the file by the other of its names.
    }
  }
}

/** Leaves a package's description where scanners of images look for it, and its licence, which has to go along. */
function describePackage(name: string, folder: string): void {
  const status = join(folder, "var/lib/dpkg/status.d");
  mkdirSync(status, { recursive: true });
  writeFileSync(join(status, name), execFileSync("dpkg-query", ["-s", name], { encoding: "utf8" }));
  const copyright = `/usr/share/doc/${name}/copyright`;
  if (existsSync(copyright)) copy(copyright, folder, copyright);
}
