import { WEB } from "./http1-rig.ts";

/** One attempt to make two readers disagree. */
export interface SmugglingCase {
  readonly name: string;
  /** What is sent, each character an octet. */
  readonly raw: string;
  /** What we answer first; 0 for nothing but the connection's end. */
  readonly status: number;
  /** Request lines the backend may see, without version; none where the request is refused. */
  readonly seen: readonly string[];
  /** The connection stays open afterwards. Default: it is closed. */
  readonly open?: boolean;
}

const HOST = `Host: ${WEB}\r\n`;
const NEXT = `GET /smuggled HTTP/1.1\r\n${HOST}\r\n`;

function post(fields: string, body: string): string {
  return `POST /a HTTP/1.1\r\n${HOST}${fields}\r\n${body}`;
}

function get(fields: string, rest = ""): string {
  return `GET /a HTTP/1.1\r\n${fields}\r\n${rest}`;
}

function refused(name: string, raw: string, status = 400): SmugglingCase {
  return { name, raw, status, seen: [] };
}

function chunked(name: string, body: string): SmugglingCase {
  // The head is right, so the backend may have seen the beginning of it; its end it never sees.
  return refused(name, post("Transfer-Encoding: chunked\r\n", body));
}

const HIDDEN = `0\r\n\r\n${NEXT}`;
const LENGTH_OF_HIDDEN = HIDDEN.length;

/** Who decides the end of the message. */
const FRAMING: readonly SmugglingCase[] = [
  refused("CL.TE", post(`Content-Length: ${LENGTH_OF_HIDDEN}\r\nTransfer-Encoding: chunked\r\n`, HIDDEN)),
  refused("TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", `5c\r\n${NEXT}\r\n0\r\n\r\n`)),
  refused("CL.TE with a length of 0", post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", HIDDEN)),
  refused("two lengths that differ", post("Content-Length: 0\r\nContent-Length: 44\r\n", NEXT)),
  refused("two lengths that are equal", post("Content-Length: 3\r\nContent-Length: 3\r\n", `abc${NEXT}`)),
  refused("a list of lengths", post("Content-Length: 0, 44\r\n", NEXT)),
  refused("a list of equal lengths", post("Content-Length: 3, 3\r\n", `abc${NEXT}`)),
  refused("a negative length", post("Content-Length: -1\r\n", NEXT)),
  refused("a length with a plus", post("Content-Length: +3\r\n", `abc${NEXT}`)),
  refused("a hexadecimal length", post("Content-Length: 0x3\r\n", `abc${NEXT}`)),
  refused("a length with a fraction", post("Content-Length: 3.0\r\n", `abc${NEXT}`)),
  refused("a length with an exponent", post("Content-Length: 3e0\r\n", `abc${NEXT}`)),
  refused("a length with an underscore", post("Content-Length: 1_0\r\n", `abc${NEXT}`)),
  refused("a length with a space within", post("Content-Length: 3 4\r\n", `abc${NEXT}`)),
  refused("an empty length", post("Content-Length:\r\n", NEXT)),
  refused("a length beyond 2^53", post("Content-Length: 18446744073709551616\r\n", NEXT)),
  refused("a length in other digits", post("Content-Length: \xb3\r\n", `abc${NEXT}`)),
  refused("chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", HIDDEN)),
  refused("chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n", HIDDEN)),
  refused("chunked not last", post("Transfer-Encoding: chunked, gzip\r\n", HIDDEN)),
  refused("chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", HIDDEN)),
  refused("identity", post("Transfer-Encoding: identity\r\nContent-Length: 3\r\n", `abc${NEXT}`)),
  refused("identity alone", post("Transfer-Encoding: identity\r\n", HIDDEN)),
  refused("xchunked", post("Transfer-Encoding: xchunked\r\n", HIDDEN)),
  refused("chunked in quotes", post('Transfer-Encoding: "chunked"\r\n', HIDDEN)),
  refused("chunked with a vertical tab", post("Transfer-Encoding: \x0bchunked\r\n", HIDDEN)),
  refused("chunked with a semicolon", post("Transfer-Encoding: chunked;q=1\r\n", HIDDEN)),
  refused("an empty coding", post("Transfer-Encoding:\r\n", HIDDEN)),
  refused("a coding before chunked", post("Transfer-Encoding: gzip, chunked\r\n", HIDDEN), 501),
  refused("chunked in HTTP/1.0", `POST /a HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${HIDDEN}`),
  refused("a length with an underscore in its name", post("Content_Length: 44\r\n", NEXT)),
  refused("a coding with an underscore in its name", post("Transfer_Encoding: chunked\r\n", HIDDEN)),
  refused(
    "a length nominated as hop-by-hop",
    post("Content-Length: 3\r\nConnection: content-length\r\n", `abc${NEXT}`),
  ),
  refused(
    "a coding nominated as hop-by-hop",
    post("Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n", HIDDEN),
  ),
  refused("Host nominated as hop-by-hop", get(`${HOST}Connection: close, host\r\n`, NEXT)),
  {
    name: "a GET with a body is one request",
    raw: `GET /a HTTP/1.1\r\n${HOST}Content-Length: ${NEXT.length}\r\n\r\n${NEXT}`,
    status: 200,
    seen: ["GET /a"],
    open: true,
  },
  {
    name: "a body that looks like a request is a body",
    raw: post(`Content-Length: ${NEXT.length}\r\n`, NEXT),
    status: 200,
    seen: ["POST /a"],
    open: true,
  },
  {
    name: "a chunk that looks like a request is a chunk",
    raw: post("Transfer-Encoding: chunked\r\n", `${NEXT.length.toString(16)}\r\n${NEXT}\r\n0\r\n\r\n`),
    status: 200,
    seen: ["POST /a"],
    open: true,
  },
];

/** Where a line and a field end. */
const LINES: readonly SmugglingCase[] = [
  refused("a folded field", get(`${HOST}X-A: b\r\n Content-Length: 44\r\n`, NEXT)),
  refused("a folded field with a tab", get(`${HOST}X-A: b\r\n\tc\r\n`)),
  refused("a folded first field", get(` X-A: b\r\n${HOST}`)),
  refused("a folded coding", post("Transfer-Encoding:\r\n chunked\r\n", HIDDEN)),
  refused("a space before the colon", post("Content-Length : 44\r\n", NEXT)),
  refused("a space before the colon of a coding", post("Transfer-Encoding : chunked\r\n", HIDDEN)),
  refused("a tab before the colon", post("Transfer-Encoding\t: chunked\r\n", HIDDEN)),
  refused("a line that ends with LF alone", `GET /a HTTP/1.1\n${HOST}\r\n`),
  refused("a field that ends with LF alone", get(`${HOST}X-A: b\nContent-Length: 44\r\n`, NEXT)),
  refused("a head that ends with LF alone", `GET /a HTTP/1.1\r\n${HOST}\n${NEXT}`),
  refused("CR alone in a value", get(`${HOST}X-A: b\rContent-Length: 44\r\n`, NEXT)),
  refused("CR CR LF", get(`${HOST}X-A: b\r\r\n`, NEXT)),
  refused("NUL in a value", get(`${HOST}X-A: b\0c\r\n`)),
  refused("NUL in a name", get(`${HOST}X\0-A: b\r\n`)),
  refused("DEL in a value", get(`${HOST}X-A: b\x7f\r\n`)),
  refused("a backspace in a value", get(`${HOST}X-A: \x08b\r\n`)),
  refused("a field without a colon", get(`${HOST}Content-Length\r\n`)),
  refused("a field without a name", get(`${HOST}: 44\r\n`)),
  refused("a name like a pseudo-header field", get(`${HOST}:path: /smuggled\r\n`)),
  refused("a name like :authority", get(`:authority: other\r\n${HOST}`)),
  refused("a name with a space", get(`${HOST}Transfer Encoding: chunked\r\n`, HIDDEN)),
  refused("a name with a slash", get(`${HOST}X/A: b\r\n`)),
  refused("a name with parentheses", get(`${HOST}X(A): b\r\n`)),
  refused("a name beyond ASCII", get(`${HOST}X-\xe4: b\r\n`)),
  refused("empty lines before the request", `\r\n\r\n${get(HOST)}`),
  refused("a space before the request", ` ${get(HOST)}`),
  {
    name: "one empty line before a request is let pass",
    raw: `\r\n${get(HOST)}`,
    status: 200,
    seen: ["GET /a"],
    open: true,
  },
];

/** The request line, and who the request is for. */
const TARGETS: readonly SmugglingCase[] = [
  refused("HTTP/0.9", "GET /a\r\n\r\n"),
  refused("HTTP/0.9 with a space", "GET /a \r\n\r\n"),
  refused("two spaces in the request line", `GET  /a HTTP/1.1\r\n${HOST}\r\n`),
  refused("a tab in the request line", `GET\t/a HTTP/1.1\r\n${HOST}\r\n`),
  refused("a space in the target", `GET /a b HTTP/1.1\r\n${HOST}\r\n`),
  refused("a space after the version", `GET /a HTTP/1.1 \r\n${HOST}\r\n`),
  refused("CR in the target", `GET /a\rb HTTP/1.1\r\n${HOST}\r\n`),
  refused("an octet beyond ASCII in the target", `GET /\xe4 HTTP/1.1\r\n${HOST}\r\n`),
  refused("a fragment in the target", `GET /a#b HTTP/1.1\r\n${HOST}\r\n`),
  refused("HTTP/1.2", `GET /a HTTP/1.2\r\n${HOST}\r\n`, 505),
  refused("HTTP/2.0", `GET /a HTTP/2.0\r\n${HOST}\r\n`, 505),
  refused("HTTP/1.10", `GET /a HTTP/1.10\r\n${HOST}\r\n`),
  refused("http/1.1 in lower case", `GET /a http/1.1\r\n${HOST}\r\n`),
  refused("a method that is no token", `G(T /a HTTP/1.1\r\n${HOST}\r\n`),
  refused("a method in lower case", `get /a HTTP/1.1\r\n${HOST}\r\n`, 501),
  refused("an unknown method", `SMUGGLE /a HTTP/1.1\r\n${HOST}\r\n`, 501),
  refused("CONNECT", `CONNECT ${WEB} HTTP/1.1\r\n${HOST}\r\n`, 405),
  refused("CONNECT with a path", `CONNECT /a HTTP/1.1\r\n${HOST}\r\n`, 405),
  refused("TRACE", `TRACE /a HTTP/1.1\r\n${HOST}\r\n`, 405),
  refused("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
  refused("no Host", "GET /a HTTP/1.1\r\n\r\n"),
  refused("an empty Host", "GET /a HTTP/1.1\r\nHost:\r\n\r\n"),
  refused("two Hosts that are equal", get(HOST + HOST)),
  refused("two Hosts that differ", get(`${HOST}Host: other.test\r\n`)),
  refused("a list of Hosts", get(`Host: ${WEB}, other.test\r\n`)),
  refused("Host with user information", get(`Host: a@${WEB}\r\n`)),
  refused("Host with a path", get(`Host: ${WEB}/b\r\n`)),
  refused("an absolute target that is not for Host", `GET http://other.test/a HTTP/1.1\r\n${HOST}\r\n`),
  refused(
    "an absolute target with user information",
    `GET http://${WEB}@other.test/a HTTP/1.1\r\n${HOST}\r\n`,
  ),
  refused("an absolute target of another scheme", `GET ftp://${WEB}/a HTTP/1.1\r\n${HOST}\r\n`),
  refused("* with GET", `GET * HTTP/1.1\r\n${HOST}\r\n`),
  refused("a target without a slash", `GET a HTTP/1.1\r\n${HOST}\r\n`),
  {
    name: "an absolute target for Host is a path",
    raw: `GET http://${WEB}/a HTTP/1.1\r\n${HOST}\r\n`,
    status: 200,
    seen: ["GET /a"],
    open: true,
  },
  refused("an expectation nobody knows", get(`${HOST}Expect: 200-ok\r\n`), 417),
  refused("Expect twice", get(`${HOST}Expect: 100-continue\r\nExpect: 100-continue\r\n`)),
  refused(
    "WebSocket with a body",
    get(`${HOST}Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 44\r\n`, NEXT),
  ),
  refused("more fields than there may be", get(HOST + "X-A: b\r\n".repeat(101)), 431),
  refused("a head longer than it may be", get(`${HOST}X-A: ${"b".repeat(30_000)}\r\n`), 431),
];

/** The body in chunks. */
const CHUNKS: readonly SmugglingCase[] = [
  chunked("a chunk size that is no number", `g\r\n${HIDDEN}`),
  chunked("an empty chunk size", `\r\n${HIDDEN}`),
  chunked("a negative chunk size", `-1\r\n${HIDDEN}`),
  chunked("a chunk size with 0x", `0x3\r\nabc\r\n${HIDDEN}`),
  chunked("a chunk size with a plus", `+3\r\nabc\r\n${HIDDEN}`),
  chunked("a chunk size with an underscore", `1_0\r\nabc\r\n${HIDDEN}`),
  chunked("a chunk size with a space before it", ` 3\r\nabc\r\n${HIDDEN}`),
  chunked("a chunk size with a space behind it", `3 \r\nabc\r\n${HIDDEN}`),
  chunked("a chunk size of 2^64 + 3", `10000000000000003\r\nabc\r\n${HIDDEN}`),
  chunked("a chunk size of 2^32 + 3", `100000003\r\nabc\r\n${HIDDEN}`),
  chunked("a chunk size that ends with LF", `3\nabc\r\n${HIDDEN}`),
  chunked("a chunk size that ends with CR", `3\rabc\r\n${HIDDEN}`),
  chunked("a chunk that is longer than its size", `3\r\nabcd\r\n${HIDDEN}`),
  chunked("a chunk that is shorter than its size", `5\r\nabc\r\n${HIDDEN}`),
  chunked("a chunk that ends with LF", `3\r\nabc\n${HIDDEN}`),
  chunked("a chunk that ends with two other octets", `3\r\nabcXX${HIDDEN}`),
  chunked("a chunk extension with LF", `3;a\nabc\r\n${HIDDEN}`),
  chunked("a chunk extension with CR", `3;a\rb\r\nabc\r\n${HIDDEN}`),
  chunked("a chunk extension with NUL", `3;a\0\r\nabc\r\n${HIDDEN}`),
  chunked("chunk extensions without end", `3;${"a".repeat(300)}\r\nabc\r\n${HIDDEN}`),
  chunked("a last chunk that ends with LF", `0\n\r\n${NEXT}`),
  chunked("trailers that end with LF", `0\r\nX-A: b\n\r\n${NEXT}`),
  chunked("a folded trailer", `0\r\nX-A: b\r\n c\r\n\r\n${NEXT}`),
  chunked("a trailer that is no field", `0\r\n${NEXT}`),
  chunked("a trailer that frames the message", `0\r\nContent-Length: 44\r\n\r\n${NEXT}`),
  chunked("a trailer Transfer-Encoding", `0\r\nTransfer-Encoding: chunked\r\n\r\n${NEXT}`),
  chunked("a trailer Host", `0\r\nHost: other.test\r\n\r\n${NEXT}`),
  {
    name: "an extension and a trailer are let pass",
    raw: post("Transfer-Encoding: chunked\r\n", "3;a=b\r\nabc\r\n0\r\nX-A: b\r\n\r\n"),
    status: 200,
    seen: ["POST /a"],
    open: true,
  },
];

/** All cases. */
export const SMUGGLING_CASES: readonly SmugglingCase[] = [...FRAMING, ...LINES, ...TARGETS, ...CHUNKS];
