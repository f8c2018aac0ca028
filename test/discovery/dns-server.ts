import type { Socket } from "node:dgram";
import { createSocket } from "node:dgram";
import type { AddressInfo } from "node:net";

/** What the server says about a name. */
export type DnsReply =
  | { readonly kind: "addresses"; readonly ipv4: readonly string[]; readonly ttlSeconds: number }
  | { readonly kind: "code"; readonly code: number };

/** DNS response codes (RFC 1035 section 4.1.1). */
export const ResponseCode = { noError: 0, serverFailure: 2, nameError: 3, refused: 5 } as const;

const TYPE_A = 1;
const HEADER_OCTETS = 12;

/** A name server over UDP that knows A records only: AAAA questions get an empty answer. */
export class DnsServer {
  /** What is said about every name; may be changed at any time. */
  reply: DnsReply = { kind: "code", code: ResponseCode.nameError };
  /** Questions for A records so far. */
  questions = 0;
  readonly #socket: Socket = createSocket("udp4");

  /** @returns `ip:port` of the server. */
  async start(): Promise<string> {
    this.#socket.on("message", (query, from) =>
      this.#socket.send(this.#answer(query), from.port, from.address),
    );
    await new Promise<void>((resolve) => this.#socket.bind(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(this.#socket.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#socket.close();
  }

  #answer(query: Buffer): Buffer {
    const nameEnd = query.indexOf(0, HEADER_OCTETS) + 1;
    const question = query.subarray(HEADER_OCTETS, nameEnd + 4);
    const isA = query.readUInt16BE(nameEnd) === TYPE_A;
    if (isA) this.questions++;
    const { reply } = this;
    const records =
      reply.kind === "addresses" && isA
        ? reply.ipv4.map((address) => aRecord(address, reply.ttlSeconds))
        : [];
    const header = Buffer.alloc(HEADER_OCTETS);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (reply.kind === "code" ? reply.code : ResponseCode.noError), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    return Buffer.concat([header, question, ...records]);
  }
}

function aRecord(address: string, ttlSeconds: number): Buffer {
  const record = Buffer.from([
    0xc0,
    HEADER_OCTETS,
    0,
    TYPE_A,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    4,
    ...address.split(".").map(Number),
  ]);
  record.writeUInt32BE(ttlSeconds, 6);
  return record;
}
