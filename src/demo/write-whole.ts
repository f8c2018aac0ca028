import { renameSync, writeFileSync } from "node:fs";

/** Writes a file whole or not at all: somebody watches it and may read it at any moment. */
export function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
