import type { ResourceKindName } from "./resolve-authority.ts";
import { RESOURCE_KINDS } from "./resolve-authority.ts";

/** One resource on disk: as it came from the control plane, so that no version of ours has to be able to read another's models. */
export interface StoredResource {
  readonly kind: ResourceKindName;
  readonly name: string;
  readonly version: string;
  readonly octets: Uint8Array;
}

/** This proxy's place in the fleet, and its share of the traffic of services: what its subsets are made of. */
export interface StoredPlace {
  /** A NodeView as it came. */
  readonly name: string;
  readonly version: string;
  readonly octets: Uint8Array;
  /** By cluster, 0 to 1. */
  readonly shares: Readonly<Record<string, number>>;
}

/** What a proxy knows, for its next start. */
export interface XdsSnapshot {
  /** Authorities that were in use. */
  readonly authorities: readonly string[];
  readonly resources: readonly StoredResource[];
  /** Where a control plane has told one. */
  readonly place?: StoredPlace | undefined;
}

/** Goes up with every change that an older reader would misunderstand. */
export const XDS_SNAPSHOT_FORMAT = 1;

const MAGIC = "isobar-xds-snapshot";
const NEWLINE = 0x0a;
const DIGEST_OCTETS = 32;
/** Longest first line that is looked at. */
const MAX_FIRST_LINE = 64;

interface Header {
  readonly authorities: readonly string[];
  /** Kind, name, version and number of octets. */
  readonly resources: readonly (readonly [string, string, string, number])[];
  /** Readers of before pass it over. The octets are in base64. */
  readonly place?: Readonly<Record<"name" | "version" | "octets", string>> & Pick<StoredPlace, "shares">;
}

/**
 * @returns the file's octets: a line with magic and format, a line of JSON that says what follows, the resources' octets one after the
 * other, and the SHA-256 digest of all that.
 */
export function encodeXdsSnapshot({ authorities, resources, place }: XdsSnapshot): Buffer {
  const header: Header = {
    authorities,
    resources: resources.map(({ kind, name, version, octets }) => [kind, name, version, octets.length]),
    ...(place && { place: { ...place, octets: Buffer.from(place.octets).toString("base64") } }),
  };
  const head = Buffer.from(`${MAGIC} ${XDS_SNAPSHOT_FORMAT}\n${JSON.stringify(header)}\n`);
  const content = Buffer.concat([head, ...resources.map(({ octets }) => octets)]);
  return Buffer.concat([content, digest(content)]);
}

/** @returns what the file says, or why it is of no use, for people. */
export function decodeXdsSnapshot(file: Buffer): XdsSnapshot | { readonly problem: string } {
  const lineEnd = file.subarray(0, MAX_FIRST_LINE).indexOf(NEWLINE);
  const [magic, format] = file.toString("utf8", 0, Math.max(0, lineEnd)).split(" ");
  if (magic !== MAGIC) return { problem: "found other octets, wanted a snapshot of this program" };
  if (format !== String(XDS_SNAPSHOT_FORMAT)) {
    return {
      problem: `found format ${format}, wanted ${XDS_SNAPSHOT_FORMAT}: it is of another version of this program`,
    };
  }
  const end = file.length - DIGEST_OCTETS;
  if (end <= lineEnd || !digest(file.subarray(0, end)).equals(file.subarray(end))) {
    return { problem: "the digest at its end does not fit: it is damaged or cut short" };
  }
  const headEnd = file.indexOf(NEWLINE, lineEnd + 1);
  try {
    const header = JSON.parse(file.toString("utf8", lineEnd + 1, headEnd)) as Header;
    let at = headEnd + 1;
    const resources: StoredResource[] = [];
    for (const [kind, name, version, length] of header.resources) {
      const octets = file.subarray(at, at + length);
      at += length;
      // What a later release keeps beside that is passed over.
      if (isKnown(kind)) resources.push({ kind, name, version, octets });
    }
    if (at !== end) throw new Error(`${end - at} octets are left over`);
    const { authorities, place } = header;
    if (place === undefined) return { authorities, resources };
    return { authorities, resources, place: { ...place, octets: Buffer.from(place.octets, "base64") } };
  } catch (error) {
    return { problem: `its list of contents makes no sense (${(error as Error).message})` };
  }
}

function isKnown(kind: string): kind is ResourceKindName {
  return (RESOURCE_KINDS as readonly string[]).includes(kind);
}

function digest(octets: Uint8Array): Buffer {
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(octets).digest();
}
