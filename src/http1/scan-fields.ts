import type { Http1Fault } from "./http1-fault.ts";
import { clientFault } from "./http1-fault.ts";

/** Source: RFC 9110 §5.6.2, token. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const HTAB = 9;
const OUTER_SPACE = /^[ \t]+|[ \t]+$/g;

/** Whether a check failed. */
export function isFault(result: object): result is Http1Fault {
  return "flag" in result;
}

/**
 * Reads field lines.
 *
 * @param text lines, each with CRLF at its end, each octet a character.
 * @param from where the first begins.
 * @returns names in lower case and values by turns.
 */
export function scanFields(text: string, from: number, maxFields: number): readonly string[] | Http1Fault {
  const fields: string[] = [];
  for (let at = from; at < text.length; ) {
    const end = text.indexOf("\r\n", at);
    const line = text.slice(at, end);
    at = end + 2;
    if (line.startsWith(" ") || line.startsWith("\t"))
      return clientFault(400, "a field goes on in another line");
    const colon = line.indexOf(":");
    if (colon < 0) return clientFault(400, "a field has no colon");
    const name = line.slice(0, colon);
    // A space before the colon is part of the name for some readers. Source: RFC 9112 §5.1.
    if (!NAME.test(name)) return clientFault(400, "a field's name is not a token");
    const value = line.slice(colon + 1).replace(OUTER_SPACE, "");
    if (hasControl(value)) return clientFault(400, "a field's value has control characters");
    if (fields.length === maxFields * 2) return clientFault(431, `more than ${maxFields} fields`);
    fields.push(name.toLowerCase(), value);
  }
  return fields;
}

/** Whether there is a control character but HTAB: CR, LF and NUL end up somewhere else in some reader. Source: RFC 9110 §5.5. */
function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== HTAB) || code === 0x7f) return true;
  }
  return false;
}
