import type { Socket } from "node:dgram";
import { createSocket } from "node:dgram";

const TYPE_A = 1;
const HEADER_OCTETS = 12;
const TTL_SECONDS = 5;
/** RFC 1035 §4.1.1, with recursion as CoreDNS says it. */
const [ANSWER, NO_SUCH_NAME] = [0x8180, 0x8183];

/** The cluster's DNS: names of Services and nothing else, over UDP. A name that there is has no IPv6 address. */
export class ClusterDns {
  readonly #socket: Socket = createSocket("udp4");
  readonly #find: (name: string) => readonly string[] | undefined;

  private constructor(find: (name: string) => readonly string[] | undefined) {
    this.#find = find;
    this.#socket.on("message", (query, { address, port }) =>
      this.#socket.send(this.#answer(query), port, address),
    );
  }

  /** @param host where nodes reach it, at port 53. @param find IPv4 addresses of a name without its last dot; undefined: there is no such name. */
  static async start(
    host: string,
    find: (name: string) => readonly string[] | undefined,
  ): Promise<ClusterDns> {
    const dns = new ClusterDns(find);
    await new Promise<void>((resolve, reject) => {
      dns.#socket.once("error", reject);
      dns.#socket.bind(53, host, resolve);
    });
    return dns;
  }

  close(): void {
    this.#socket.close();
  }

  #answer(query: Buffer): Buffer {
    const labels: string[] = [];
    let at = HEADER_OCTETS;
    for (let length = query[at]!; length > 0; length = query[at]!) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
      at += length + 1;
    }
    const question = query.subarray(HEADER_OCTETS, at + 5);
    const found = this.#find(labels.join(".").toLowerCase());
    const addresses = query.readUInt16BE(at + 1) === TYPE_A ? (found ?? []) : [];
    const header = Buffer.alloc(HEADER_OCTETS);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(found === undefined ? NO_SUCH_NAME : ANSWER, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    return Buffer.concat([header, question, ...addresses.map(record)]);
  }
}

function record(address: string): Buffer {
  const head = [0xc0, HEADER_OCTETS, 0, TYPE_A, 0, 1, 0, 0, 0, TTL_SECONDS, 0, 4];
  return Buffer.from([...head, ...address.split(".").map(Number)]);
}
