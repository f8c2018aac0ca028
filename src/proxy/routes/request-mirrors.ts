/** Copies of requests on their way, as the data path tells what becomes of the originals. `slot` is a client's stream. */
export interface RequestMirrors {
  /** The original has its first stream at an endpoint: `length` octets of field block at `head` are what was sent there. */
  attached(slot: number, head: number, length: number): void;
  /** More of its body has come. */
  data(slot: number, offset: number, length: number, endStream: boolean): void;
  /** Its trailers have come, which are not copied. */
  ended(slot: number): void;
  /** A stream at an endpoint is gone, of whatever kind. */
  upstreamClosed(stream: number): void;
}
