import { open, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { FileRecord } from "./audit-record.ts";
import { NO_HASH, readLine } from "./sealed-line.ts";

/** A file of an audit. */
export interface AuditFile {
  readonly path: string;
  readonly name: string;
  /** Number of its first record. */
  readonly first: number;
}

/** The end of an audit: what the next record has to follow. */
export interface AuditTail {
  /** Of the last whole record; 0 where there is none. */
  readonly n: number;
  readonly hash: string;
  /** Octets of an unfinished record behind it. */
  readonly torn: number;
}

const NAME = /^audit-(\d{12,16})\.jsonl$/;
const NEWLINE = 0x0a;
const PIECE_OCTETS = 65_536;
/** A record of this length is none. */
const MAX_LINE_OCTETS = 256 * 1_048_576;

/** @returns the name of the file whose first record has this number: in the order of names is the order of time. */
export function auditFileName(first: number): string {
  return `audit-${String(first).padStart(12, "0")}.jsonl`;
}

/** @returns the files of an audit, oldest first. @throws what the file system says. */
export async function listAuditFiles(folder: string): Promise<AuditFile[]> {
  const names = (await readdir(folder)).filter((name) => NAME.test(name));
  return names
    .map((name) => ({ name, path: join(folder, name), first: Number(NAME.exec(name)![1]) }))
    .sort((a, b) => a.first - b.first);
}

/** @returns where an audit ends. Files without a whole record are passed over. */
export async function findTail(folder: string): Promise<AuditTail> {
  const files = await listAuditFiles(folder);
  let torn = 0;
  for (const { path } of files.reverse()) {
    const { line, rest } = await lastLine(path);
    torn += rest;
    if (line === undefined) continue;
    const read = readLine(line);
    // What is there can be neither read nor mended: verify will show where the chain is broken.
    if (typeof read === "string") return { n: files.at(-1)?.first ?? 0, hash: NO_HASH, torn };
    return { n: read.record.n, hash: read.hash, torn };
  }
  return { n: 0, hash: NO_HASH, torn };
}

/** Deletes the oldest files beyond a number. @returns how many. */
export async function deleteOldFiles(folder: string, maxFiles: number): Promise<number> {
  const files = await listAuditFiles(folder);
  const old = files.slice(0, Math.max(files.length - maxFiles, 0));
  for (const { path } of old) await unlink(path);
  return old.length;
}

/** @returns what the head of a file says; undefined if it has none. */
export async function readHead(
  path: string,
): Promise<{ readonly head: FileRecord; readonly atMs: number } | undefined> {
  const handle = await open(path, "r");
  try {
    let text = "";
    const piece = Buffer.alloc(PIECE_OCTETS);
    while (!text.includes("\n")) {
      const { bytesRead } = await handle.read(piece, 0, piece.length);
      if (bytesRead === 0) return undefined;
      text += piece.toString("utf8", 0, bytesRead);
    }
    const read = readLine(text.slice(0, text.indexOf("\n")));
    if (typeof read === "string" || read.record.kind !== "file") return undefined;
    return { head: read.record, atMs: Date.parse(read.record.at) };
  } finally {
    await handle.close();
  }
}

/** @returns the last line that has its newline, and the octets behind it. */
async function lastLine(path: string): Promise<{ readonly line: string | undefined; readonly rest: number }> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    for (let length = PIECE_OCTETS; ; length *= 4) {
      const from = Math.max(size - length, 0);
      const end = Buffer.alloc(size - from);
      await handle.read(end, 0, end.length, from);
      const last = end.lastIndexOf(NEWLINE);
      const before = last <= 0 ? -1 : end.lastIndexOf(NEWLINE, last - 1);
      if (last >= 0 && (before >= 0 || from === 0))
        return { line: end.toString("utf8", before + 1, last), rest: end.length - last - 1 };
      if (from === 0 || length > MAX_LINE_OCTETS) return { line: undefined, rest: size };
    }
  } finally {
    await handle.close();
  }
}
