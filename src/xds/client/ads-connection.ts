import type { Clock } from "../../base/clock.ts";
import { doublingDelayMs } from "../../base/doubling-delay-ms.ts";
import type { Random } from "../../base/random.ts";
import type { XdsNode } from "../resources/delta-request.ts";
import type { AdsStream, AdsStreamOwner, AdsTransport } from "./ads-transport.ts";
import { DeltaStream } from "./delta-stream.ts";
import type { ResourceTable } from "./resource-table.ts";

/** What an {@link AdsConnection} works with. */
export interface AdsConnectionOptions {
  /** `host:port`, the preferred one first. */
  readonly addresses: readonly string[];
  readonly transport: AdsTransport;
  readonly node: XdsNode;
  readonly tables: readonly ResourceTable[];
  /** Of resources of our own, for control planes of ours. */
  readonly ownTables?: readonly ResourceTable[];
  /** Whether to find out at once if it is a control plane of ours, even if nothing else is wanted. Default: not. */
  readonly greets?: boolean;
  readonly clock: Clock;
  readonly random: Random;
  /** Told when a stream stands. */
  readonly onConnected: (address: string) => void;
  /** Told when one has ended or could not be opened. */
  readonly onDisconnected: (address: string, reason: string) => void;
  readonly onAnswer: (typeUrl: string, problem: string) => void;
}

/** Times of the protocol; tests shorten them. */
export const ADS_TIMES = {
  /** First wait after all addresses have failed; it doubles up to the longest. Each is drawn from its half to its whole. */
  backoffMs: 500,
  maxBackoffMs: 15_000,
  /** Wait before the next address, or before the same one again whose stream was good: spreads the proxies of a replica that went. */
  spreadMs: 100,
  /** How long a resource may be asked for before it does not exist. Source: xDS protocol, "Knowing When a Requested Resource Does Not Exist". */
  absentMs: 15_000,
  /** How long what the disk had may go uncontradicted before it counts as confirmed. */
  confirmMs: 3_000,
  /** How often conclusions are drawn from silence. */
  lookMs: 500,
};

/**
 * Keeps one stream to one of several control planes: the first address that answers, the next one when it goes. What is known stays
 * known while there is none.
 */
export class AdsConnection {
  readonly #options: AdsConnectionOptions;
  readonly #times: typeof ADS_TIMES;
  #stream: AdsStream | undefined;
  #protocol: DeltaStream | undefined;
  #next = 0;
  #failures = 0;
  #answered = false;
  #openedMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: AdsConnectionOptions, times: Partial<typeof ADS_TIMES> = {}) {
    this.#options = options;
    this.#times = { ...ADS_TIMES, ...times };
  }

  /** Whether a stream stands. */
  get isConnected(): boolean {
    return this.#protocol !== undefined;
  }

  /** Where the stream goes, or where one is tried. */
  get address(): string {
    return this.#options.addresses[this.#next]!;
  }

  start(): void {
    this.#open();
    this.#look = setInterval(() => this.#settle(), this.#times.lookMs);
    this.#look.unref();
  }

  /** Opens a stream for reports of load on the same connection; undefined while there is none. */
  openReports(owner: AdsStreamOwner): AdsStream | undefined {
    return this.#protocol === undefined ? undefined : this.#stream?.openReports?.(owner);
  }

  /** What is wanted has changed. */
  changed(): void {
    this.#protocol?.changed();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#look);
    this.#protocol?.end();
    this.#stream?.close();
    this.#options.transport.close();
  }

  #open(): void {
    const { address } = this;
    const {
      transport,
      node,
      tables,
      ownTables = [],
      greets = false,
      clock,
      onAnswer,
      onConnected,
    } = this.#options;
    this.#answered = false;
    const stream = transport.open(address, {
      onOpen: () => {
        const protocol = new DeltaStream({
          node,
          tables,
          ownTables,
          greets,
          send: (request) => stream.send(request),
          nowMs: () => clock.nowMs(),
          onAnswer,
        });
        this.#protocol = protocol;
        this.#openedMs = clock.nowMs();
        onConnected(address);
        protocol.begin();
      },
      onMessage: (message) => {
        const reason = this.#protocol?.receive(message) ?? "";
        if (reason === "") {
          this.#answered = true;
          this.#failures = 0;
          return;
        }
        stream.close();
        this.#ended(address, reason);
      },
      onEnd: (reason) => this.#ended(address, reason),
    });
    this.#stream = stream;
  }

  #ended(address: string, reason: string): void {
    this.#protocol?.end();
    this.#protocol = undefined;
    this.#stream = undefined;
    if (this.#closed) return;
    this.#options.onDisconnected(address, reason);
    this.#timer = setTimeout(() => this.#open(), this.#waitMs());
    this.#timer.unref();
  }

  /** Goes to the next address, unless the present one was good. @returns how long to wait before. */
  #waitMs(): number {
    const { addresses, random } = this.#options;
    const { backoffMs, maxBackoffMs, spreadMs } = this.#times;
    if (!this.#answered) this.#failures++;
    const several = addresses.length > 1;
    if (several || !this.#answered) this.#next = (this.#next + 1) % addresses.length;
    const rounds = Math.floor(this.#failures / addresses.length);
    if (rounds === 0) return random.nextFloat() * spreadMs;
    return doublingDelayMs(rounds, backoffMs, maxBackoffMs, random);
  }

  /** A control plane that has taken requests and says nothing at all is as good as gone, where there is another one. */
  #settle(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#protocol === undefined) return;
    const { tables, addresses, clock } = this.#options;
    const nowMs = clock.nowMs();
    const { absentMs, confirmMs } = this.#times;
    const asks = tables.some(({ size }) => size > 0);
    if (!this.#answered && asks && addresses.length > 1 && nowMs - this.#openedMs > absentMs / 2) {
      const { address } = this;
      stream.close();
      this.#ended(address, `no answer within ${absentMs / 2000} s`);
      return;
    }
    for (const table of tables) table.settle(nowMs - absentMs, nowMs - confirmMs);
  }
}
