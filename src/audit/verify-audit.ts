import { listAuditFiles } from "./audit-folder.ts";
import { readLines } from "./read-lines.ts";
import { hashOfLine, NO_HASH, readLine } from "./sealed-line.ts";

/** Something about an audit that is not as it was written, or that a reader has to know. */
export interface AuditFinding {
  /** `broken`: somebody has changed it, or the disk. `notice`: it says itself what is missing. */
  readonly severity: "broken" | "notice";
  /** `file:line`, or the file. */
  readonly place: string;
  readonly text: string;
}

/** What came of looking at an audit. */
export interface AuditVerdict {
  readonly files: number;
  readonly records: number;
  readonly first: { readonly n: number; readonly at: string } | undefined;
  readonly last: { readonly n: number; readonly at: string; readonly hash: string } | undefined;
  readonly findings: readonly AuditFinding[];
  /** Findings of which there were too many to keep. */
  readonly furtherFindings: number;
  /** Of the heads that were asked for: where they are; undefined for those that are nowhere. */
  readonly heads: readonly { readonly hash: string; readonly n: number | undefined }[];
}

const MOST_FINDINGS = 100;

/**
 * Follows the chain of hashes through all files.
 *
 * @param heads published ones that have to be in it; their beginnings suffice.
 * @returns what was found. Rejects with what the file system says.
 */
export async function verifyAudit(folder: string, heads: readonly string[] = []): Promise<AuditVerdict> {
  const check = new ChainCheck(heads);
  const files = await listAuditFiles(folder);
  for (const { path, name, first } of files) {
    check.beginFile(name, first);
    for await (const lines of readLines(path))
      for (const { text, number, isWhole } of lines) check.line(text, number, isWhole);
  }
  return check.verdict(files.length);
}

/** A chain while it is followed. After a break it goes on from what the line itself says, so that one change is one finding. */
class ChainCheck {
  readonly #findings: AuditFinding[] = [];
  #further = 0;
  readonly #heads: { readonly hash: string; n: number | undefined }[];
  #file = "";
  #fileFirst = 0;
  #isFirstFile = true;
  #hash: string | undefined;
  #n = 0;
  #records = 0;
  #torn = 0;
  #first: AuditVerdict["first"];
  #last: AuditVerdict["last"];

  constructor(heads: readonly string[]) {
    this.#heads = heads.map((hash) => ({ hash: hash.toLowerCase(), n: undefined }));
  }

  beginFile(name: string, first: number): void {
    this.#isFirstFile = this.#file === "";
    this.#file = name;
    this.#fileFirst = first;
  }

  line(text: string, number: number, isWhole: boolean): void {
    const place = `${this.#file}:${number}`;
    if (!isWhole) {
      this.#torn += Buffer.byteLength(text);
      return;
    }
    const read = readLine(text);
    if (typeof read === "string") {
      this.#find("broken", place, `this line was changed: ${read}`);
      this.#hash = undefined;
      return;
    }
    const { record, hash } = read;
    if (number === 1) this.#head(record, place);
    else this.#follow(record.n, place);
    // After a line that cannot be read nothing is known of what this one has to follow.
    if (this.#hash !== undefined && hashOfLine(this.#hash, text) !== hash)
      this.#find("broken", place, "this line, or the hash of the one before it, was changed");
    this.#hash = hash;
    this.#n = record.n;
    this.#records++;
    this.#first ??= { n: record.n, at: record.at };
    this.#last = { n: record.n, at: record.at, hash };
    for (const head of this.#heads) if (hash.startsWith(head.hash)) head.n = record.n;
  }

  verdict(files: number): AuditVerdict {
    if (this.#torn > 0)
      this.#find(
        "notice",
        this.#file,
        `ends with ${this.#torn} octets of an unfinished record: it is being written, or its writer was killed`,
      );
    for (const { hash, n } of this.#heads) {
      if (n === undefined)
        this.#find(
          "broken",
          "head",
          `${hash} is the hash of no record: what was written up to then has been rewritten or cut off, or it is older than the files that are kept`,
        );
    }
    const { first, last, records } = { first: this.#first, last: this.#last, records: this.#records };
    const heads = this.#heads.map((head) => ({ ...head }));
    return { files, records, first, last, findings: this.#findings, furtherFindings: this.#further, heads };
  }

  #head(record: { readonly kind: string; readonly n: number }, place: string): void {
    if (record.kind !== "file") {
      this.#find("broken", place, "lines are missing: this is no head of a file");
      this.#hash = this.#isFirstFile ? undefined : this.#hash;
      return;
    }
    const { previous, torn, skips, gap } = record as unknown as {
      readonly previous: string;
      readonly torn: number;
      readonly skips: number;
      readonly gap?: { readonly since: string };
    };
    if (record.n !== this.#fileFirst)
      this.#find("broken", place, `this file was given another name: its first record is ${record.n}`);
    if (this.#isFirstFile) {
      if (previous !== NO_HASH)
        this.#find(
          "notice",
          place,
          "begins here; what was before has been deleted, as files beyond --audit-max-files are",
        );
    } else if (this.#hash !== undefined && previous !== this.#hash) {
      this.#find(
        "broken",
        place,
        `does not go on from record ${this.#n}: lines at the end of the file before, or whole files, are missing`,
      );
    } else if (record.n !== this.#n + skips + 1) {
      this.#find("broken", place, `found record ${record.n}, wanted ${this.#n + skips + 1}`);
    }
    if (torn !== this.#torn)
      this.#find(
        "broken",
        place,
        `the file before had ${torn} octets of an unfinished record, and has ${this.#torn}`,
      );
    else if (torn > 0)
      this.#find(
        "notice",
        place,
        `the file before ends with ${torn} octets of a record whose writer was killed or had no room`,
      );
    if (gap !== undefined)
      this.#find(
        "notice",
        place,
        `nothing could be written since ${gap.since}: ${skips} records are missing, as this file says itself`,
      );
    this.#torn = 0;
    this.#hash = previous;
  }

  #follow(n: number, place: string): void {
    const missing = n - this.#n - 1;
    if (missing > 0 && this.#hash !== undefined)
      this.#find(
        "broken",
        place,
        `${missing === 1 ? "a line is" : `${missing} lines are`} missing before this one`,
      );
    else if (missing < 0)
      this.#find(
        "broken",
        place,
        `record ${n} stands behind record ${this.#n}: lines were put in another order, or added`,
      );
    if (missing !== 0) this.#hash = undefined;
  }

  #find(severity: AuditFinding["severity"], place: string, text: string): void {
    if (this.#findings.length < MOST_FINDINGS) this.#findings.push({ severity, place, text });
    else this.#further++;
  }
}
