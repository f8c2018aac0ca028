/** Why a ClientHello gave no name. */
export const HelloState = {
  /** More octets are needed. */
  incomplete: 0,
  /** It is whole; the name is there or it has none. */
  complete: 1,
  /** It is none, or larger than {@link MAX_HELLO_OCTETS}. */
  invalid: 2,
} as const;
export type HelloState = (typeof HelloState)[keyof typeof HelloState];

/** What was read of a ClientHello. */
export interface ClientHello {
  readonly state: HelloState;
  /** The server's name in lower case, without a final dot; empty when the client names none. */
  readonly serverName: string;
}

/**
 * The most octets of a ClientHello, record heads included. Post-quantum key shares make 1.7 KiB usual; what a client offers
 * beyond 16 KiB no server reads either.
 */
export const MAX_HELLO_OCTETS = 16_384;

const RECORD_HEAD_OCTETS = 5;
const HANDSHAKE = 0x16;
const CLIENT_HELLO = 1;
const MESSAGE_HEAD_OCTETS = 4;
const MAX_RECORD_OCTETS = 16_384;
const RANDOM_OCTETS = 32;
const MAX_SESSION_ID_OCTETS = 32;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const MAX_NAME_OCTETS = 255;
/** RFC 6066 §3: a DNS name in ASCII; addresses are not allowed, but they are harmless as names that no cluster has. */
const NAME = /^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?$/;

const INCOMPLETE: ClientHello = { state: HelloState.incomplete, serverName: "" };
const INVALID: ClientHello = { state: HelloState.invalid, serverName: "" };
const NAMELESS: ClientHello = { state: HelloState.complete, serverName: "" };

/**
 * Reads the server name (SNI) of the ClientHello that a TLS connection begins with, be it split over records or not yet
 * wholly there. Unknown extensions, versions and cipher suites are passed over, GREASE among them (RFC 8701); nothing
 * is validated but what has to be read. Octets may be anything: it never throws and looks at each at most twice.
 *
 * Source: RFC 8446 §4.1.2, §5.1, RFC 6066 §3.
 */
export function readClientHello(bytes: Uint8Array, offset: number, length: number): ClientHello {
  const message = new Uint8Array(Math.min(length, MAX_HELLO_OCTETS));
  let filled = 0;
  let at = offset;
  const end = offset + length;
  for (;;) {
    const wanted = filled < MESSAGE_HEAD_OCTETS ? MESSAGE_HEAD_OCTETS : messageOctets(message);
    if (filled >= MESSAGE_HEAD_OCTETS && message[0] !== CLIENT_HELLO) return INVALID;
    if (wanted > MAX_HELLO_OCTETS) return INVALID;
    if (filled >= MESSAGE_HEAD_OCTETS && filled >= wanted) return readMessage(message.subarray(0, wanted));
    if (at - offset >= MAX_HELLO_OCTETS) return INVALID;
    if (end - at < RECORD_HEAD_OCTETS) return recordBegins(bytes, at, end) ? INCOMPLETE : INVALID;
    if (!recordBegins(bytes, at, end)) return INVALID;
    const recordOctets = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    if (recordOctets === 0 || recordOctets > MAX_RECORD_OCTETS) return INVALID;
    at += RECORD_HEAD_OCTETS;
    const available = Math.min(recordOctets, end - at);
    const taken = Math.min(available, message.length - filled);
    message.set(bytes.subarray(at, at + taken), filled);
    filled += taken;
    if (filled >= MESSAGE_HEAD_OCTETS && filled >= messageOctets(message)) continue;
    if (available < recordOctets) {
      // The record goes on; what is known of the message so far may already rule it out.
      if (filled > 0 && message[0] !== CLIENT_HELLO) return INVALID;
      if (filled >= MESSAGE_HEAD_OCTETS && messageOctets(message) > MAX_HELLO_OCTETS) return INVALID;
      return length >= MAX_HELLO_OCTETS ? INVALID : INCOMPLETE;
    }
    at += recordOctets;
  }
}

/** Octets of the handshake message, its head included. */
function messageOctets(message: Uint8Array): number {
  return MESSAGE_HEAD_OCTETS + ((message[1]! << 16) | (message[2]! << 8) | message[3]!);
}

function recordBegins(bytes: Uint8Array, at: number, end: number): boolean {
  if (at < end && bytes[at] !== HANDSHAKE) return false;
  return at + 1 >= end || bytes[at + 1] === 3;
}

function readMessage(message: Uint8Array): ClientHello {
  let at = MESSAGE_HEAD_OCTETS + 2 + RANDOM_OCTETS;
  const end = message.length;
  if (at >= end) return INVALID;
  const sessionOctets = message[at]!;
  if (sessionOctets > MAX_SESSION_ID_OCTETS) return INVALID;
  at += 1 + sessionOctets;
  if (at + 2 > end) return INVALID;
  at += 2 + word(message, at);
  if (at + 1 > end) return INVALID;
  at += 1 + message[at]!;
  if (at > end) return INVALID;
  // TLS 1.2 without extensions ends here.
  if (at === end) return NAMELESS;
  if (at + 2 > end || at + 2 + word(message, at) !== end) return INVALID;
  at += 2;
  while (at < end) {
    if (at + 4 > end) return INVALID;
    const type = word(message, at);
    const octets = word(message, at + 2);
    at += 4;
    if (at + octets > end) return INVALID;
    if (type === SERVER_NAME) return readServerName(message, at, at + octets);
    at += octets;
  }
  return NAMELESS;
}

function readServerName(message: Uint8Array, start: number, end: number): ClientHello {
  if (start + 2 > end || start + 2 + word(message, start) !== end) return INVALID;
  for (let at = start + 2; at < end; ) {
    if (at + 3 > end) return INVALID;
    const type = message[at]!;
    const octets = word(message, at + 1);
    at += 3;
    if (at + octets > end) return INVALID;
    if (type === HOST_NAME) {
      if (octets === 0 || octets > MAX_NAME_OCTETS) return INVALID;
      let name = "";
      for (let i = at; i < at + octets; i++) name += String.fromCharCode(message[i]!);
      name = name.toLowerCase();
      if (!NAME.test(name)) return INVALID;
      return { state: HelloState.complete, serverName: name.endsWith(".") ? name.slice(0, -1) : name };
    }
    at += octets;
  }
  return NAMELESS;
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
