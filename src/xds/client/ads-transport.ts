/** What becomes of a stream, told to whoever opened it. */
export interface AdsStreamOwner {
  /** The connection stands: requests may be sent. */
  onOpen(): void;
  onMessage(message: Uint8Array): void;
  /** It has ended, or never came about. The last call. @param reason for people. */
  onEnd(reason: string): void;
}

/** A stream of the aggregated discovery service, incremental variant. */
export interface AdsStream {
  send(message: Buffer): void;
  /** Ends it; the owner hears no more. */
  close(): void;
  /** Opens a stream of the load reporting service (LRS) beside it. It ends with this one. Not every transport can. */
  openReports?(owner: AdsStreamOwner): AdsStream;
}

/** Opens streams to control planes. */
export interface AdsTransport {
  /** @param address `host:port`. */
  open(address: string, owner: AdsStreamOwner): AdsStream;
  /** Lets go of all connections. */
  close(): void;
}
