/** A line of a page that stands for any number of lines. */
const LEFT_OUT = "…";

const LOOSE: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME"],
  [/\b[0-9a-f]{12,}\b/g, "HASH"],
  [/\d+(?:[.,]\d+)*/g, "N"],
  [/N (?:µs|ms|s|min|h)\b/g, "N s"],
  [/N [KMG]iB\b/g, "N MiB"],
  [/-{3,}/g, "---"],
  [/[ \t]+/g, " "],
];

/**
 * Whether a command printed what its page shows. A line `…` of the page stands for any number of lines, none included.
 *
 * @param figuresVary times, hashes, numbers with their units, and how wide columns are, may be others.
 */
export function sameOutput(shown: string, printed: string, figuresVary: boolean): boolean {
  return matches(linesOf(shown, figuresVary), linesOf(printed, figuresVary));
}

function linesOf(text: string, figuresVary: boolean): string[] {
  const loosen = (line: string): string =>
    LOOSE.reduce((loose, [pattern, word]) => loose.replaceAll(pattern, word), line).trim();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => (figuresVary ? loosen(line) : line.trimEnd()));
}

function matches(shown: readonly string[], printed: readonly string[]): boolean {
  const gap = shown.indexOf(LEFT_OUT);
  if (gap < 0) return shown.length === printed.length && shown.every((line, i) => line === printed[i]);
  if (!shown.slice(0, gap).every((line, i) => line === printed[i])) return false;
  const rest = shown.slice(gap + 1);
  for (let from = gap; from <= printed.length; from++) if (matches(rest, printed.slice(from))) return true;
  return rest.length === 0;
}
