import type { Random } from "../base/random.ts";
import type { ConnectionState } from "../h2/connection-state.ts";
import type { AccessLogRecord } from "../telemetry/access-log-record.ts";
import type { SubchannelOptions } from "../upstream/subchannel.ts";
import type { ExchangeTable } from "./exchange-table.ts";

/** Records waiting to be handed on at most; more are counted as lost rather than kept. */
const MAX_WAITING = 10_000;
const MAX_NAME_OCTETS = 1024;

/** The names of a request that is being recorded: they are gone from memory when it ends. */
interface Begun {
  readonly startMs: number;
  readonly path: string;
  readonly authority: string;
}

/**
 * Records of finished requests, for those drawn by the sample. Off, it costs one read per request; of headers it keeps
 * the path and the authority and nothing else.
 */
export class AccessLog {
  /** Whether anything is recorded. */
  enabled = false;
  /** Share of requests recorded, 0 to 1. */
  sample = 1;
  /** Records dropped because nobody took them. */
  lost = 0;
  readonly #random: Random;
  readonly #wallMs: () => number;
  readonly #begun = new Map<number, Begun>();
  #records: AccessLogRecord[] = [];

  /** @param wallMs milliseconds since 1970. */
  constructor(random: Random, wallMs: () => number) {
    this.#random = random;
    this.#wallMs = wallMs;
  }

  /** Notes the names of a request whose header section was just decoded. `scratch` takes 1 KiB. */
  begin(slot: number, connection: ConnectionState, scratch: number): void {
    if (this.sample < 1 && this.#random.nextFloat() >= this.sample) return;
    const { decoder, engine } = connection;
    const { bytes } = engine.slab;
    let path = "";
    let authority = "";
    if (decoder.pathLength <= MAX_NAME_OCTETS) {
      path = bytes.toString("latin1", scratch, scratch + decoder.readPath(scratch));
    }
    if (decoder.hasAuthority && decoder.authorityLength <= MAX_NAME_OCTETS) {
      authority = bytes.toString("latin1", scratch, scratch + decoder.readAuthority(scratch));
    }
    this.#begun.set(slot, { startMs: this.#wallMs(), path, authority });
  }

  /**
   * Records the end of a request, if its beginning was noted.
   *
   * @param cluster its cluster's name, "" for none.
   * @param target the last endpoint it was sent to.
   */
  end(
    exchanges: ExchangeTable,
    slot: number,
    cluster: string,
    target: SubchannelOptions | undefined,
    nowMs: number,
  ): void {
    const begun = this.#begun.get(slot);
    if (begun === undefined) return;
    this.#begun.delete(slot);
    if (this.#records.length >= MAX_WAITING) {
      this.lost++;
      return;
    }
    this.#records.push({
      ...begun,
      cluster,
      endpoint: target === undefined ? "" : `${target.address}:${target.port}`,
      zone: target?.zone ?? "",
      grpcStatus: Math.max(0, exchanges.grpcStatus[slot]!),
      responseFlag: exchanges.flag[slot]!,
      durationMs: nowMs - exchanges.startMs[slot]!,
      attempts: exchanges.moves[slot]! + (target === undefined ? 0 : 1),
      requestOctets: exchanges.bodyReceived[slot]!,
      responseOctets: exchanges.responseOctets[slot]!,
    });
  }

  /** @returns what was recorded since the last call. */
  take(): readonly AccessLogRecord[] {
    const records = this.#records;
    if (records.length > 0) this.#records = [];
    return records;
  }
}
