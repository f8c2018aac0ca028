import { readFileSync } from "node:fs";

/** Share of the files a process may open that clients' connections may be; the rest is for endpoints and ourselves. */
const DOWNSTREAM_SHARE = 0.75;
/** What the process opens for itself. */
const OWN_FILES = 64;
const FALLBACK = 65_536;

/** @returns how many files this process may open; 65,536 where the system does not say. */
export function openFilesLimit(limitsFile = "/proc/self/limits"): number {
  try {
    const line = /^Max open files\s+(\S+)/m.exec(readFileSync(limitsFile, "utf8"));
    const limit = Number(line?.[1]);
    return Number.isInteger(limit) && limit > 0 ? limit : FALLBACK;
  } catch {
    return FALLBACK;
  }
}

/**
 * The connections of clients that fit into the files the process may open, so that accepting never fails for want of one
 * (EMFILE) and endpoints can still be dialled.
 *
 * @param wanted from the configuration; undefined: as many as fit.
 */
export function connectionLimit(wanted: number | undefined, openFiles: number): number {
  const fitting = Math.max(16, Math.floor((openFiles - OWN_FILES) * DOWNSTREAM_SHARE));
  return Math.min(wanted ?? fitting, fitting);
}
