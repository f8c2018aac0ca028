import { Slab } from "../../../base/slab.ts";
import type { Engine } from "../../../h2/connection-state.ts";
import { FLOOD_LIMITS } from "../../../h2/flood-limits.ts";
import { InternPool } from "../../../h2/hpack/intern-pool.ts";
import { literalRecord, writeStatic } from "../../../h2/hpack/write-field.ts";
import { StreamTable } from "../../../h2/stream/stream-table.ts";
import type { ChannelContext } from "../../../net/h2-channel.ts";
import { LoopTurn } from "../../../net/loop-turn.ts";
import { ReadArea } from "../../../net/read-area.ts";
import { HeaderNames } from "../../../route/header-names.ts";
import { HeaderView } from "../../../route/header-view.ts";

/** Touched as it is used: mostly some MB for what goes out in a turn of the loop, and 16 KiB for each client that does not read. */
const SLAB_OCTETS = 256 * 1_048_576;
const SCRATCH_OCTETS = 262_144;
/** Of resources and of load reports together. */
const MAX_STREAMS = 50_000;
const MAX_HEADER_LIST_OCTETS = 32_768;
const REPLY_OCTETS = 8_192;
/** What is put into the engine at a time; above it a message goes in parts. */
export const STAGE_OCTETS = 65_536;
/** The static table's `:status: 200`. */
const STATUS_200 = 8;
const CONTENT_TYPE = literalRecord("content-type", "application/grpc");

/** What all connections of a gRPC server share: the engine of the data path, with limits for few and long streams. */
export class GrpcSurroundings implements ChannelContext {
  readonly engine: Engine;
  readonly turn: LoopTurn;
  readonly area: ReadArea;
  readonly headers: HeaderView;
  /** Numbers of headers that are looked at. */
  readonly path: number;
  readonly authorization: number;
  /** Where messages are put together, and answers of our own. */
  readonly stage: number;
  readonly replyScratch: number;
  /** The field block of response headers, which is always the same. */
  readonly head: number;
  readonly headOctets: number;
  readonly #time = { nowMs: performance.now() };

  constructor() {
    const slab = new Slab({ capacityOctets: SLAB_OCTETS, poison: false });
    const pool = new InternPool(slab);
    this.engine = {
      slab,
      pool,
      streams: new StreamTable(slab, MAX_STREAMS),
      limits: {
        maxConcurrentStreams: 100,
        maxHeaderListOctets: MAX_HEADER_LIST_OCTETS,
        connectionWindowOctets: 1_048_576,
        maxStreamWindowOctets: 1_048_576,
        grownWindowsOctets: SLAB_OCTETS / 4,
        backlogOctets: 131_072,
        maxBacklogOctets: 1_048_576,
        floods: FLOOD_LIMITS,
        maxRequestBodyOctets: 0,
      },
      time: this.#time,
      connections: [],
      scratch: slab.alloc(SCRATCH_OCTETS),
      scratchOctets: SCRATCH_OCTETS,
      grownOctets: 0,
      frugal: false,
      softCapacityOctets: SLAB_OCTETS * 0.85,
      // The stream that asks for more is given up itself.
      relieve: () => {},
    };
    this.turn = new LoopTurn(() => performance.now());
    this.area = new ReadArea(slab, "data");
    const names = new HeaderNames(slab.bytes, pool);
    this.path = names.add(":path");
    this.authorization = names.add("authorization");
    this.headers = new HeaderView(slab.bytes, pool, names, slab.alloc(MAX_HEADER_LIST_OCTETS));
    this.stage = slab.alloc(STAGE_OCTETS);
    this.replyScratch = slab.alloc(REPLY_OCTETS);
    this.head = slab.alloc(CONTENT_TYPE.length + 1);
    slab.bytes.set(CONTENT_TYPE, writeStatic(slab.bytes, this.head, STATUS_200));
    this.headOctets = CONTENT_TYPE.length + 1;
  }

  readonly tick = (): void => {
    this.#time.nowMs = performance.now();
  };

  /** @param header its number. @returns its value in the section that was begun; "" if it has none. */
  valueOf(header: number): string {
    const length = this.headers.decode(header);
    if (length <= 0) return "";
    const at = this.headers.valueAt[header]!;
    return this.headers.bytes.toString("latin1", at, at + length);
  }
}
