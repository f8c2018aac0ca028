/** An answer of our own to a request of HTTP/1.1. */
export interface LocalAnswer {
  readonly status: number;
  readonly reason: string;
  /** What went wrong, for people; it repeats nothing of the request. */
  readonly text: string;
  /** Media type of the text; default text/plain. */
  readonly type?: string;
}

/** Every such answer. */
export const ANSWERS = {
  established: { status: 200, reason: "Connection Established", text: "" },
  badRequest: { status: 400, reason: "Bad Request", text: "the request is not valid HTTP/1.1" },
  badTarget: { status: 400, reason: "Bad Request", text: "the target of CONNECT is not host:port" },
  notAllowed: {
    status: 403,
    reason: "Forbidden",
    text: "no cluster has this target, and it is not an allowed one",
  },
  noCluster: { status: 404, reason: "Not Found", text: "no cluster is configured for this host" },
  headTooLarge: {
    status: 431,
    reason: "Request Header Fields Too Large",
    text: "the head of the request is above 8192 octets",
  },
  unreachable: { status: 502, reason: "Bad Gateway", text: "the target cannot be connected to" },
  unavailable: { status: 503, reason: "Service Unavailable", text: "no endpoint can be connected to" },
  busy: { status: 503, reason: "Service Unavailable", text: "too many names are being looked up" },
} as const satisfies Record<string, LocalAnswer>;

/** @returns the whole answer as it goes over the wire; a tunnel's has no body, all others close the connection. */
export function answerText({ status, reason, text, type = "text/plain" }: LocalAnswer): string {
  const line = `HTTP/1.1 ${status} ${reason}\r\n`;
  if (status === 200 && text === "") return `${line}\r\n`;
  const body = `${text}\n`;
  return `${line}content-type: ${type}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
}
