/** How far the head of a first HTTP/1.1 request could be read. */
export const HeadState = {
  /** More octets are needed. */
  incomplete: 0,
  complete: 1,
  /** It breaks RFC 9112; passing it on is for those who do not have to understand it. */
  invalid: 2,
  /** Longer than {@link MAX_HEAD_OCTETS}. */
  tooLarge: 3,
} as const;
export type HeadState = (typeof HeadState)[keyof typeof HeadState];

/** The first request's head, as far as the choice of a cluster needs it. */
export interface RequestHead {
  readonly state: HeadState;
  readonly method: string;
  /** As sent: a path, or `host:port` of CONNECT. */
  readonly target: string;
  /** Octets up to and including the empty line. */
  readonly octets: number;
  /** Host in lower case with its port if there is one, from an absolute target or else the header; empty for none. */
  readonly host: string;
  /** In lower case; empty for none. */
  readonly contentType: string;
  /** Access-Control-Request-Headers of a CORS preflight, in lower case; empty for none. */
  readonly preflightHeaders: string;
  /** Whether Content-Length or Transfer-Encoding is there. */
  readonly hasBody: boolean;
}

/** The longest head that is looked into. */
export const MAX_HEAD_OCTETS = 8192;

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/1\.([01])$/;
const FIELD_LINE =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[\t ]*$/;
const ABSOLUTE = /^https?:\/\/([^/?#@]+)(?:[/?#]|$)/i;
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/;

const NOTHING = {
  method: "",
  target: "",
  octets: 0,
  host: "",
  contentType: "",
  preflightHeaders: "",
  hasBody: false,
} as const;

/**
 * Reads the head of a request strictly: lines end with CR LF, names are tokens with the colon right behind them, nothing is
 * folded, and Host is there at most once. Source: RFC 9112 §2.2, §3, §5.
 */
export function readRequestHead(bytes: Buffer, offset: number, length: number): RequestHead {
  const text = bytes.toString("latin1", offset, offset + Math.min(length, MAX_HEAD_OCTETS));
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) {
    if (length >= MAX_HEAD_OCTETS) return { state: HeadState.tooLarge, ...NOTHING };
    // A bare LF never gets better, so a sender of nothing but those is told at once.
    return { state: text.includes("\n\n") ? HeadState.invalid : HeadState.incomplete, ...NOTHING };
  }
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const request = REQUEST_LINE.exec(first);
  if (request === null) return { state: HeadState.invalid, ...NOTHING };
  const [, method = "", target = ""] = request;
  let hosts = 0;
  let host = "";
  let contentType = "";
  let preflightHeaders = "";
  let hasBody = false;
  for (const line of lines) {
    const field = FIELD_LINE.exec(line);
    if (field === null) return { state: HeadState.invalid, ...NOTHING };
    const value = field[2]!.toLowerCase();
    switch (field[1]!.toLowerCase()) {
      case "host":
        hosts++;
        host = value;
        break;
      case "content-type":
        contentType = value;
        break;
      case "access-control-request-headers":
        preflightHeaders = value;
        break;
      case "content-length":
      case "transfer-encoding":
        hasBody = true;
        break;
    }
  }
  const absolute = ABSOLUTE.exec(target);
  if (absolute !== null) host = absolute[1]!.toLowerCase();
  if (hosts > 1 || (host !== "" && !HOST.test(host))) return { state: HeadState.invalid, ...NOTHING };
  return {
    state: HeadState.complete,
    method,
    target,
    octets: end + 4,
    host,
    contentType,
    preflightHeaders,
    hasBody,
  };
}
