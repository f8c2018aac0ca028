const TOKENS = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`/g;
const TEMPLATE_PART = /\$\{([^}]*)\}/g;

/** @returns the text without comments, lines kept; strings stay. */
export function withoutComments(text: string): string {
  return text.replaceAll(TOKENS, (token) => (token.startsWith("/") ? blank(token) : token));
}

/** @returns the code alone, lines kept: no comments, and of strings only what templates compute. */
export function codeOnly(text: string): string {
  return text.replaceAll(TOKENS, (token) => {
    if (token.startsWith("/")) return blank(token);
    if (!token.startsWith("`")) return '""';
    const computed = [...token.matchAll(TEMPLATE_PART)].map((match) => match[1]);
    return `(${computed.join(";")})${blank(token)}`;
  });
}

/** An import, export-from or dynamic import of a module. */
export interface Import {
  readonly line: number;
  readonly specifier: string;
}

const IMPORT = /\b(?:import|export)\b[^"';()]*?\bfrom\s*["']([^"']+)["']|\bimport\s*\(?\s*["']([^"']+)["']/g;

/** @returns every module a source names in an import, types included. */
export function importsOf(text: string): Import[] {
  const source = withoutComments(text);
  const found: Import[] = [];
  for (const match of source.matchAll(IMPORT)) {
    const end = match.index + match[0].length;
    found.push({ line: lineAt(source, end), specifier: match[1] ?? match[2] ?? "" });
  }
  return found;
}

/** @returns the number of the line that contains `offset`, from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

function blank(token: string): string {
  return token.replaceAll(/[^\n]+/g, "");
}
