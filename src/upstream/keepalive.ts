/**
 * Servers with default settings count a PING against us that comes within five minutes of the one before, unless they have
 * sent HEADERS or DATA in between; after the second such PING they answer with GOAWAY "too_many_pings". The ten seconds more
 * are for what delays a PING on its way. Source: gRFC A8; grpc-go `http2Server.handlePing`, grpc-java `KeepAliveEnforcer`,
 * gRPC core `Chttp2PingAbusePolicy`.
 */
export const SERVER_MIN_PING_MS = 310_000;

/** What a look at a connection asks for. */
export type KeepaliveStep = "none" | "ping" | "lost";

/**
 * Asks an endpoint that has been silent for a sign of life, no more often than any gRPC server permits: one PING for each
 * silence that follows HEADERS or DATA, and while nothing but answers to PINGs comes, one in five minutes.
 *
 * What counts is what has come after the answer to the last PING: a server clears its count when it sends, and what it had
 * sent before it read our PING is behind it.
 */
export class Keepalive {
  /** HEADERS or DATA came since the last PING was answered. Set by whoever receives them. */
  heard = true;
  readonly #minPingMs: number;
  #sentMs = Number.NEGATIVE_INFINITY;
  /** A PING is out, and nothing at all has come since. */
  #waiting = false;

  /** @param minPingMs see {@link SERVER_MIN_PING_MS}, which is the default. */
  constructor(minPingMs: number = SERVER_MIN_PING_MS) {
    this.#minPingMs = minPingMs;
  }

  /**
   * To be called about once a second while the connection has streams.
   *
   * @param lastReceivedMs when octets last came from the endpoint.
   * @param timeMs silence after which a PING is due; 0: never.
   * @param timeoutMs silence after a PING that means the endpoint is gone.
   * @returns `ping` when one is to be sent now.
   */
  check(nowMs: number, lastReceivedMs: number, timeMs: number, timeoutMs: number): KeepaliveStep {
    if (this.#waiting) {
      if (lastReceivedMs >= this.#sentMs) this.#waiting = false;
      else if (nowMs - this.#sentMs >= timeoutMs) return "lost";
      return "none";
    }
    if (timeMs === 0 || nowMs - lastReceivedMs < timeMs) return "none";
    if (!this.heard && nowMs - this.#sentMs < this.#minPingMs) return "none";
    // Until the answer comes, what we hear may have been sent before the server read this PING.
    this.heard = false;
    this.#waiting = true;
    this.#sentMs = nowMs;
    return "ping";
  }

  /** Our PING was answered. */
  answered(): void {
    this.heard = false;
  }
}
