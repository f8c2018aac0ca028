import type { OutputPort } from "../h2/output.ts";

/**
 * The one seam between connections and what carries their octets. Reads land in the worker's read area and are told as a
 * length, valid during the call; writes take a range of the slab.
 */
export interface Transport extends OutputPort {
  /** False as soon as writes lead nowhere, which may be a while before `onClose` is told. */
  readonly open: boolean;
  /**
   * Hands the transport to another owner, which is told all that follows. Octets that the former owner was just told of
   * are its to pass on: they stay in the read area until its call returns.
   */
  adopt(owner: TransportOwner): void;
  /** Stops reading until {@link resume}. */
  pause(): void;
  resume(): void;
  /**
   * Sends what was written, half-closes, and closes when the peer has or `lingerMs` have passed; Infinity leaves the peer all
   * the time it wants, and reading goes on.
   */
  end(lingerMs: number): void;
  /** Closes at once. @param reset where the carrier can: tell the peer that this is no orderly end (TCP RST). */
  destroy(reset?: boolean): void;
}

/** What a transport tells its owner. Must not throw. */
export interface TransportOwner {
  /** `length` octets stand in the read area. */
  onRead(length: number): void;
  /** The oldest write that was kept has left. */
  onReleased(): void;
  /** A client transport is connected. */
  onConnected(): void;
  /** The peer half-closed. */
  onEnd(): void;
  /** The transport is gone, with the reason if it was not orderly. Told once, last. */
  onClose(error: Error | undefined): void;
}
