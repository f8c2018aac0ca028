import type { Socket } from "node:dgram";
import { createSocket } from "node:dgram";
import { once } from "node:events";

const TYPE_A = 1;
const CLASS_IN = 1;
const HEADER_OCTETS = 12;
/** As the DNS of a cluster says it for a headless Service, by default. */
const TTL_S = 30;

/**
 * A DNS server that has one answer to every question for IPv4 addresses, as the DNS of a cluster has for a headless Service; disposing ends it.
 *
 * Source: RFC 1035, 4.1.
 */
export class DnsServer implements Disposable {
  /** IPv4 addresses it answers with from now on. */
  addresses: readonly string[] = [];
  /** Questions for IPv4 addresses so far. */
  asked = 0;
  port = 0;
  readonly #socket: Socket = createSocket("udp4");

  static async start(): Promise<DnsServer> {
    const server = new DnsServer();
    const socket = server.#socket;
    socket.on("message", (question, { address, port }) =>
      socket.send(server.#answer(question), port, address),
    );
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    ({ port: server.port } = socket.address());
    return server;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #answer(question: Buffer): Buffer {
    let end = HEADER_OCTETS;
    while (question[end] !== 0) end += question[end]! + 1;
    const isForAddresses = question.readUInt16BE(end + 1) === TYPE_A;
    const addresses = isForAddresses ? this.addresses : [];
    if (isForAddresses) this.asked++;
    const head = Buffer.from(question.subarray(0, end + 5));
    // A response, authoritative, recursion as asked for; the numbers of questions, answers, and of nothing else.
    head.writeUInt16BE(0x8400 | (head.readUInt16BE(2) & 0x0100), 2);
    for (const [n, count] of [1, addresses.length, 0, 0].entries()) head.writeUInt16BE(count, 4 + n * 2);
    return Buffer.concat([head, ...addresses.map(record)]);
  }
}

/** A resource record whose name is that of the question. */
function record(address: string): Buffer {
  const octets = Buffer.alloc(16);
  octets.writeUInt16BE(0xc000 | HEADER_OCTETS, 0);
  octets.writeUInt16BE(TYPE_A, 2);
  octets.writeUInt16BE(CLASS_IN, 4);
  octets.writeUInt32BE(TTL_S, 6);
  octets.writeUInt16BE(4, 10);
  octets.set(address.split(".").map(Number), 12);
  return octets;
}
