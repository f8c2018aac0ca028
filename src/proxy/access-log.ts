import type { Random } from "../base/random.ts";
import type { ConnectionState } from "../h2/connection-state.ts";
import type { AccessLogSource } from "../telemetry/access-log-format.ts";
import { AccessLogFormat } from "../telemetry/access-log-format.ts";
import type { SubchannelOptions } from "../upstream/subchannel.ts";
import type { ExchangeTable } from "./exchange-table.ts";

/** Room for lines that wait to be handed on, in octets; what does not fit is counted as lost rather than kept. */
const LEAST_ROOM_OCTETS = 65_536;
const MOST_ROOM_OCTETS = 4 * 1_048_576;
const MAX_NAME_OCTETS = 1024;
/** Octets a character of UTF-16 may take in UTF-8. */
const MOST_OCTETS_PER_CHARACTER = 3;

/** The names of a request that is being recorded: they are gone from memory when it ends. */
interface Begun {
  readonly startMs: number;
  readonly path: string;
  readonly authority: string;
  readonly source: AccessLogSource | undefined;
}

/** Lines of the access log, as JSON in UTF-8, each with its newline. */
export interface AccessLogLines {
  readonly octets: Uint8Array<ArrayBuffer>;
  readonly count: number;
}

/**
 * Lines about finished requests, for those drawn by the sample. Off, it costs one read per request; of headers it keeps
 * the path and the authority and nothing else. The lines are made here and travel as octets: records handed to another thread
 * cost five times what the line does.
 */
export class AccessLog {
  /** Whether anything is recorded. */
  enabled = false;
  /** Share of requests recorded, 0 to 1. */
  sample = 1;
  /** Lines dropped because nobody took them in time. */
  lost = 0;
  readonly #random: Random;
  readonly #wallMs: () => number;
  readonly #begun = new Map<number, Begun>();
  readonly #format = new AccessLogFormat();
  #room = Buffer.alloc(0);
  #octets = 0;
  #count = 0;

  /** @param wallMs milliseconds since 1970. */
  constructor(random: Random, wallMs: () => number) {
    this.#random = random;
    this.#wallMs = wallMs;
  }

  /** Notes the names of a request whose header section was just decoded. `scratch` takes 1 KiB. @param source who calls, where that is known. */
  begin(slot: number, connection: ConnectionState, scratch: number, source?: AccessLogSource): void {
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
    this.#begun.set(slot, { startMs: this.#wallMs(), path, authority, source });
  }

  /**
   * Records the end of a request, if its beginning was noted.
   *
   * @param cluster its cluster's name, "" for none.
   * @param route its route's, likewise.
   * @param target the last endpoint it was sent to.
   */
  end(
    exchanges: ExchangeTable,
    slot: number,
    cluster: string,
    route: string,
    target: SubchannelOptions | undefined,
    nowMs: number,
  ): void {
    const begun = this.#begun.get(slot);
    if (begun === undefined) return;
    this.#begun.delete(slot);
    const line = this.#format.line({
      ...begun,
      cluster,
      route,
      endpoint: target === undefined ? "" : `${target.address}:${target.port}`,
      zone: target?.zone ?? "",
      grpcStatus: Math.max(0, exchanges.grpcStatus[slot]!),
      responseFlag: exchanges.flag[slot]!,
      durationMs: nowMs - exchanges.startMs[slot]!,
      attempts: exchanges.attempts[slot]!,
      requestOctets: exchanges.bodyReceived[slot]!,
      responseOctets: exchanges.responseOctets[slot]!,
    });
    if (!this.#makeRoom(line.length * MOST_OCTETS_PER_CHARACTER)) {
      this.lost++;
      return;
    }
    this.#octets += this.#room.write(line, this.#octets, "utf8");
    this.#count++;
  }

  /** @returns the lines since the last call, undefined when there are none. */
  take(): AccessLogLines | undefined {
    if (this.#count === 0) return undefined;
    const lines = { octets: new Uint8Array(this.#room.subarray(0, this.#octets)), count: this.#count };
    this.#octets = 0;
    this.#count = 0;
    return lines;
  }

  #makeRoom(octets: number): boolean {
    const wanted = this.#octets + octets;
    if (wanted <= this.#room.length) return true;
    if (wanted > MOST_ROOM_OCTETS) return false;
    const larger = Buffer.allocUnsafeSlow(
      Math.min(MOST_ROOM_OCTETS, Math.max(LEAST_ROOM_OCTETS, 2 * wanted)),
    );
    this.#room.copy(larger, 0, 0, this.#octets);
    this.#room = larger;
    return true;
  }
}
