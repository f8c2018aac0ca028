/** What the first octets of a connection say it speaks. */
export const Detected = {
  /** Not enough octets to tell; so far they are the beginning of something known. */
  undecided: 0,
  http2: 1,
  /** A request for a tunnel: HTTP/1.1 CONNECT. */
  connect: 2,
  tls: 3,
  http1: 4,
  /** None of these. */
  other: 5,
} as const;
export type Detected = (typeof Detected)[keyof typeof Detected];

const HANDSHAKE = 0x16;
const TLS_MAJOR = 3;
const SPACE = 0x20;

/** No other method begins with these octets: it was registered so that HTTP/1 servers refuse it (RFC 9113 §3.4). */
const HTTP2 = Buffer.from("PRI ");
const CONNECT = Buffer.from("CONNECT ");
/** RFC 9110 §9, RFC 5789, and those of WebDAV that are alive. A method nobody registered is not HTTP here. */
const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "COPY",
  "LOCK",
  "MKCOL",
  "MOVE",
  "PROPFIND",
  "PROPPATCH",
  "REPORT",
  "SEARCH",
  "UNLOCK",
].map((method) => Buffer.from(`${method} `));

/** Decides as soon as it can: HTTP/2 after 4 octets, TLS after 2, a method after the space behind it. */
export function detectProtocol(bytes: Uint8Array, offset: number, length: number): Detected {
  if (length === 0) return Detected.undecided;
  const first = bytes[offset]!;
  if (first === HANDSHAKE) {
    if (length < 2) return Detected.undecided;
    return bytes[offset + 1] === TLS_MAJOR ? Detected.tls : Detected.other;
  }
  if (first <= SPACE || first > 0x7e) return Detected.other;
  let undecided = false;
  let agreed = agreedOctets(HTTP2, bytes, offset, length);
  if (agreed === HTTP2.length) return Detected.http2;
  undecided ||= agreed === length;
  agreed = agreedOctets(CONNECT, bytes, offset, length);
  if (agreed === CONNECT.length) return Detected.connect;
  undecided ||= agreed === length;
  for (const method of METHODS) {
    agreed = agreedOctets(method, bytes, offset, length);
    if (agreed === method.length) return Detected.http1;
    undecided ||= agreed === length;
  }
  return undecided ? Detected.undecided : Detected.other;
}

function agreedOctets(wanted: Uint8Array, bytes: Uint8Array, offset: number, length: number): number {
  const most = Math.min(wanted.length, length);
  let i = 0;
  while (i < most && bytes[offset + i] === wanted[i]) i++;
  return i;
}
