/** What follows is who manages which fields: a tree of keys, which nobody here reads and which is most of the metadata of a Pod. */
const MARK = Buffer.from(',"fieldsV1":{');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * Leaves `fieldsV1` out of the managed fields of an object before it is parsed: thirty objects less for each of a hundred thousand Pods. The mark cannot stand
 * within a text of JSON, where its quotes would be escaped.
 *
 * @param json an object as the API server writes it, without spaces; of another form nothing is left out.
 */
export function textWithoutFields(json: Buffer): string {
  let text = "";
  let from = 0;
  for (;;) {
    const at = json.indexOf(MARK, from);
    const end = at < 0 ? -1 : endOfObject(json, at + MARK.length);
    if (end < 0) break;
    text += json.toString("utf8", from, at);
    from = end;
  }
  return text + json.toString("utf8", from);
}

/** @param from behind the brace that opens it. @returns where it has ended; -1 if it does not. */
function endOfObject(json: Buffer, from: number): number {
  let depth = 1;
  for (let at = from; at < json.length; at++) {
    const octet = json[at];
    if (octet === QUOTE) {
      for (at++; at < json.length && json[at] !== QUOTE; at++) if (json[at] === BACKSLASH) at++;
    } else if (octet === OPEN) depth++;
    else if (octet === CLOSE && --depth === 0) return at + 1;
  }
  return -1;
}
