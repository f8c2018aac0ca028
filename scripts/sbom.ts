// What ships, as CycloneDX: npm run -s sbom [-- --image FOLDER] > isobar.cdx.json
//
// The packages of production as npm's lockfile has them, and Node; with the image's file tree also what it has of Debian.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Where distributionless images keep what dpkg says of each package. */
const DEBIAN_STATUS = "var/lib/dpkg/status.d";

/** A part of what ships, as CycloneDX 1.5 has it. */
export interface Component {
  readonly "bom-ref": string;
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly {
    readonly license?: { readonly id: string };
    readonly expression?: string;
  }[];
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

/** The whole list. */
export interface Sbom {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: "1.5";
  readonly version: 1;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
}

/** An entry of npm's lockfile. */
interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: true;
  readonly optional?: true;
  readonly devOptional?: true;
}

/**
 * @param image the image's file tree, where there is one.
 *
 * Made from the lockfile itself: `npm sbom --omit=dev` (11.19) leaves out what packages of production and others for development both need.
 */
export function makeSbom(image?: string): Sbom {
  const { name, version, license } = readJson("package.json") as {
    readonly name: string;
    readonly version: string;
    readonly license: string;
  };
  const { packages } = readJson("package-lock.json") as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  const node = nodeVersion();
  const components = [
    ...Object.entries(packages).flatMap(([path, each]) => npmComponent(path, each)),
    component("platform", "node", node, `pkg:generic/node@${node}`, "MIT"),
    ...(image === undefined ? [] : debianComponents(image)),
  ];
  const own = component("application", name, version, `pkg:npm/${name}@${version}`, license);
  return { bomFormat: "CycloneDX", specVersion: "1.5", version: 1, metadata: { component: own }, components };
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, file), "utf8"));
}

/** @param path as `node_modules/a/node_modules/@b/c`. @returns nothing for what does not ship. */
function npmComponent(path: string, each: LockedPackage): readonly Component[] {
  const { version = "", license = "", integrity = "", dev, optional, devOptional } = each;
  if (path === "" || (dev ?? optional ?? devOptional) === true) return [];
  const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const content = /^sha512-(.+)$/.exec(integrity)?.[1];
  const made = component("library", name, version, purl, license);
  if (content === undefined) return [made];
  return [{ ...made, hashes: [{ alg: "SHA-512", content: Buffer.from(content, "base64").toString("hex") }] }];
}

function component(type: string, name: string, version: string, purl: string, license: string): Component {
  const isExpression = / (?:AND|OR|WITH) /.test(license);
  const licenses = isExpression ? [{ expression: license }] : [{ license: { id: license } }];
  return { "bom-ref": purl, type, name, version, purl, ...(license === "" ? {} : { licenses }) };
}

/** The Node of the image, which is the checkout's. */
function nodeVersion(): string {
  const [, version = ""] =
    /^ARG NODE_IMAGE=node:(\d+\.\d+\.\d+)-/m.exec(readFileSync(join(ROOT, "Dockerfile"), "utf8")) ?? [];
  return version;
}

function debianComponents(image: string): readonly Component[] {
  const folder = join(image, DEBIAN_STATUS);
  if (!existsSync(folder))
    throw new Error(
      `--image: found no ${folder}, wanted the file tree that scripts/image/collect-files.ts makes`,
    );
  return readdirSync(folder).map((name) => {
    const text = readFileSync(join(folder, name), "utf8");
    const field = (key: string): string => new RegExp(`^${key}: (.*)$`, "m").exec(text)?.[1] ?? "";
    const [version, architecture] = [field("Version"), field("Architecture")];
    const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
    // Debian says licences in words, file by file: they are in the image's /usr/share/doc.
    return component("library", name, version, purl, "");
  });
}

if (import.meta.main) {
  const at = process.argv.indexOf("--image");
  console.log(JSON.stringify(makeSbom(at < 0 ? undefined : process.argv[at + 1]), undefined, 2));
}
