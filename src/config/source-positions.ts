import type { Document, LineCounter, Node } from "yaml";
import { isMap, isPair } from "yaml";

/** A place in a text file; line and column count from 1. */
export interface SourcePosition {
  readonly line: number;
  readonly column: number;
}

/** Finds the places of values in a YAML document, for messages. */
export class SourcePositions {
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(document: Document, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  /** @returns the place of the value at `path`, or of the nearest mapping or list around it when it is absent. */
  ofValue(path: readonly PropertyKey[]): SourcePosition {
    for (let length = path.length; length > 0; length--) {
      const node = this.#document.getIn(path.slice(0, length), true) as Node | undefined;
      if (node?.range) return this.#at(node.range[0]);
    }
    return this.#at(this.#document.contents?.range?.[0] ?? 0);
  }

  /** @returns the place of the key at the end of `path`, not of its value. */
  ofKey(path: readonly PropertyKey[]): SourcePosition {
    const parentPath = path.slice(0, -1);
    const parent = parentPath.length === 0 ? this.#document.contents : this.#document.getIn(parentPath, true);
    if (isMap(parent)) {
      const name = String(path.at(-1));
      const pair = parent.items.find((item) => isPair(item) && String(item.key) === name);
      const key = pair?.key as Node | undefined;
      if (key?.range) return this.#at(key.range[0]);
    }
    return this.ofValue(path);
  }

  #at(offset: number): SourcePosition {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}
