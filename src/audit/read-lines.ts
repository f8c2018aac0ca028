import { createReadStream } from "node:fs";

/** A line of a file. */
export interface FileLine {
  readonly text: string;
  /** 1-based. */
  readonly number: number;
  /** Whether its newline is there; only the last one may lack it. */
  readonly isWhole: boolean;
}

const PIECE_OCTETS = 1_048_576;

/** @returns the lines of a file, piece by piece, those of one piece together. Rejects with what the file system says. */
export async function* readLines(path: string): AsyncGenerator<readonly FileLine[]> {
  let rest = "";
  let number = 0;
  const stream = createReadStream(path, { encoding: "utf8", highWaterMark: PIECE_OCTETS });
  for await (const piece of stream) {
    const texts = (rest + String(piece)).split("\n");
    rest = texts.pop()!;
    yield texts.map((text) => ({ text, number: ++number, isWhole: true }));
  }
  if (rest !== "") yield [{ text: rest, number: ++number, isWhole: false }];
}
