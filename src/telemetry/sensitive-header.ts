const SENSITIVE = new Set(["authorization", "proxy-authorization", "cookie", "set-cookie"]);

/**
 * Whether a header's value must not be written anywhere: credentials, cookies, and binary metadata, of which nobody
 * knows what it holds.
 *
 * @param name in lower case, as HTTP/2 has it.
 */
export function isSensitiveHeader(name: string): boolean {
  return SENSITIVE.has(name) || name.endsWith("-bin");
}
