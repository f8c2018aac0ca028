import { METHODS } from "node:http";
import type { Http1Fault } from "./http1-fault.ts";
import { clientFault } from "./http1-fault.ts";
import type { RequestHead } from "./request-head.ts";
import { BodyFraming, fieldValue } from "./request-head.ts";
import { isFault, scanFields } from "./scan-fields.ts";

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/;
/** CONNECT asks for a tunnel, which the front door grants or not; TRACE shows the client what others added. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE"]);
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);
/** Visible ASCII but `#`, which no request target has. Source: RFC 9112 §3.2. */
const TARGET = /^[!"$-~]+$/;
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;
/** A name, an IPv4 address or an IPv6 one in brackets, with or without a port: what a cluster can be named by. */
const AUTHORITY = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;
/** Longer ones are not exact in a double. */
const CONTENT_LENGTH = /^[0-9]{1,15}$/;
/** Codings that exist, before chunked: we do not undo them, but they are no attack either. */
const OTHER_CODINGS = /^(?:(?:x-)?(?:gzip|compress)|deflate)[ \t]*,[ \t]*chunked$/i;
/** Nominating these as hop-by-hop would change what the request means behind us. */
const NEVER_NOMINATED: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "content-type",
  "transfer-encoding",
  "trailer",
]);
/** Gateways that turn `-` into `_` (CGI) read these as the fields that frame a message. */
const DISGUISED = /^(?:content_length|transfer_encoding|content-length_|host_)$/;

const bad = (text: string): Http1Fault => clientFault(400, text);

/**
 * Checks a request head as a whole, by the letter of RFC 9112 and beyond it wherever two readers might disagree: what it lets
 * through has one meaning. It makes no repairs.
 *
 * @param text the head, each octet a character (latin1), without the empty line at its end but with the last CRLF.
 * @param maxFields more is 431.
 */
export function scanRequestHead(text: string, maxFields: number): RequestHead | Http1Fault {
  const lineEnd = text.indexOf("\r\n");
  const parts = text.slice(0, lineEnd).split(" ");
  if (parts.length !== 3) return bad("the request line is not method, target and version");
  const [method, target, version] = parts as [string, string, string];
  if (!METHOD.test(method)) return bad("the method is not a token");
  const minorVersion = version === "HTTP/1.1" ? 1 : version === "HTTP/1.0" ? 0 : -1;
  if (minorVersion < 0) {
    return /^HTTP\/[0-9]\.[0-9]$/.test(version)
      ? clientFault(505, "only HTTP/1.0 and HTTP/1.1 are understood here")
      : bad("the request line has no HTTP version");
  }
  if (!TARGET.test(target)) return bad("the request target has characters it must not have");
  if (REFUSED_METHODS.has(method)) return clientFault(405, `${method} is not allowed here`);
  if (!KNOWN_METHODS.has(method)) return clientFault(501, "the method is not known");
  const fields = scanFields(text, lineEnd + 2, maxFields);
  if (isFault(fields)) return fields;
  return judge(method, target, minorVersion, fields);
}

/** The fields that say where a request goes, and where it ends. */
interface Framing {
  host: string | undefined;
  length: string | undefined;
  coding: string | undefined;
  expect: string | undefined;
  upgrade: string | undefined;
}

function judge(
  method: string,
  target: string,
  minorVersion: number,
  fields: readonly string[],
): RequestHead | Http1Fault {
  const found: Framing = {
    host: undefined,
    length: undefined,
    coding: undefined,
    expect: undefined,
    upgrade: undefined,
  };
  const nominated: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    const twice = take(found, name, value);
    if (twice !== undefined) return bad(`${twice} is there twice`);
    if (DISGUISED.test(name)) return bad("a field's name differs from one that frames the message by a dash");
    if (name === "connection") nominated.push(...value.toLowerCase().split(/[ \t]*,[ \t]*/));
  }
  if (nominated.some((name) => NEVER_NOMINATED.has(name))) {
    return bad("Connection names a field that is not hop-by-hop");
  }
  const place = placeOf(method, target, found.host);
  if (isFault(place)) return place;
  const framing = framingOf(found, minorVersion);
  if (isFault(framing)) return framing;
  if (found.expect !== undefined && found.expect.toLowerCase() !== "100-continue") {
    return clientFault(417, "only 100-continue can be expected");
  }
  const upgrade =
    found.upgrade !== undefined && nominated.includes("upgrade") && minorVersion === 1
      ? found.upgrade.toLowerCase()
      : "";
  if (upgrade === "websocket" && framing.framing !== BodyFraming.none) {
    return bad("a request to change the protocol has a body");
  }
  return {
    method,
    ...place,
    minorVersion,
    ...framing,
    expectsContinue: found.expect !== undefined && minorVersion === 1,
    takesTrailers: /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i.test(fieldValue(fields, "te")),
    upgrade,
    fields,
    nominated: nominated.filter((name) => name !== ""),
  };
}

/** Notes a field that may be there once. @returns its name when it is there again. */
function take(found: Framing, name: string, value: string): string | undefined {
  switch (name) {
    case "host":
      if (found.host !== undefined) return "Host";
      found.host = value;
      break;
    case "content-length":
      if (found.length !== undefined) return "Content-Length";
      found.length = value;
      break;
    case "transfer-encoding":
      if (found.coding !== undefined) return "Transfer-Encoding";
      found.coding = value;
      break;
    case "expect":
      if (found.expect !== undefined) return "Expect";
      found.expect = value;
      break;
    case "upgrade":
      if (found.upgrade !== undefined) return "Upgrade";
      found.upgrade = value;
      break;
    default:
      break;
  }
  return undefined;
}

/** Where the request goes. Source: RFC 9112 §3.2; that an absolute target wins over Host is refused, not followed. */
function placeOf(
  method: string,
  target: string,
  host: string | undefined,
): { readonly target: string; readonly authority: string } | Http1Fault {
  if (host === undefined) return bad("Host is missing");
  if (!AUTHORITY.test(host)) return bad("Host is not a name or an address with or without a port");
  if (target.startsWith("/")) return { target, authority: host };
  if (target === "*") {
    return method === "OPTIONS" ? { target, authority: host } : bad("only OPTIONS can be for *");
  }
  const absolute = ABSOLUTE.exec(target);
  if (absolute === null) return bad("the request target is neither a path nor an address");
  const [, authority, rest] = absolute as unknown as [string, string, string];
  if (authority.toLowerCase() !== host.toLowerCase()) return bad("the request target and Host differ");
  if (rest !== "" && !rest.startsWith("/")) return { target: `/${rest}`, authority: host };
  return { target: rest === "" ? "/" : rest, authority: host };
}

/** Where the body ends. Source: RFC 9112 §6.1 to §6.3; what it lets a recipient repair is refused. */
function framingOf(
  { length, coding }: Framing,
  minorVersion: number,
): { readonly framing: BodyFraming; readonly contentLength: number } | Http1Fault {
  if (coding !== undefined) {
    if (length !== undefined) return bad("Content-Length and Transfer-Encoding are both there");
    if (minorVersion === 0) return bad("HTTP/1.0 has no Transfer-Encoding");
    if (coding.toLowerCase() === "chunked") return { framing: BodyFraming.chunked, contentLength: 0 };
    if (OTHER_CODINGS.test(coding))
      return clientFault(501, "only chunked is understood as Transfer-Encoding");
    return bad("Transfer-Encoding is not chunked");
  }
  if (length === undefined) return { framing: BodyFraming.none, contentLength: 0 };
  if (!CONTENT_LENGTH.test(length)) return bad("Content-Length is not a number");
  const contentLength = Number(length);
  return { framing: contentLength === 0 ? BodyFraming.none : BodyFraming.length, contentLength };
}
