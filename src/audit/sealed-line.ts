import { hash } from "node:crypto";
import type { AuditRecord, NumberedRecord } from "./audit-record.ts";

/** What the first record of all follows. */
export const NO_HASH: string = "0".repeat(64);

const SEAL = ',"hash":"';
/** `,"hash":"` + 64 hexadecimal digits + `"}`. */
const SEAL_LENGTH = SEAL.length + 64 + 2;

/** A record with its number, time and hash. */
export interface SealedLine {
  /** Without the newline. */
  readonly line: string;
  /** Of this record and, through `previous`, of all before it. */
  readonly hash: string;
}

/**
 * Numbers and dates a record and ties it to the one before: its hash is the SHA-256 of the former's hash (as 64 hexadecimal digits) and its own text
 * without the hash, and stands at its end.
 */
export function sealRecord(previous: string, n: number, atMs: number, record: AuditRecord): SealedLine {
  const text = JSON.stringify({ n, at: new Date(atMs).toISOString(), ...record });
  const sealed = hash("sha256", previous + text, "hex");
  return { line: `${text.slice(0, -1)}${SEAL}${sealed}"}`, hash: sealed };
}

/** @returns what a line says; a string, why it says nothing. */
export function readLine(line: string): { readonly record: NumberedRecord; readonly hash: string } | string {
  const seal = line.slice(-SEAL_LENGTH);
  if (!seal.startsWith(SEAL) || !/^[0-9a-f]{64}"}$/.test(seal.slice(SEAL.length)))
    return "it has no hash at its end";
  try {
    const record = JSON.parse(line) as NumberedRecord;
    if (!Number.isSafeInteger(record.n) || typeof record.kind !== "string") return "it is no record";
    return { record, hash: seal.slice(SEAL.length, -2) };
  } catch {
    return "it is no JSON";
  }
}

/** @returns the hash that a line must have after the one before it. */
export function hashOfLine(previous: string, line: string): string {
  return hash("sha256", `${previous}${line.slice(0, -SEAL_LENGTH)}}`, "hex");
}
