import type { Slab } from "../base/slab.ts";
import type { ConnectionSink } from "./connection-sink.ts";
import type { EngineLimits } from "./engine-limits.ts";
import type { FloodBudget } from "./flood-budget.ts";
import { DEFAULT_MAX_FRAME_OCTETS, DEFAULT_WINDOW_OCTETS } from "./frame/frame-type.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import type { InternPool } from "./hpack/intern-pool.ts";
import type { Output } from "./output.ts";
import { StreamIndex } from "./stream/stream-index.ts";
import type { StreamTable } from "./stream/stream-table.ts";

/** What all connections of a worker share. Nothing in it knows sockets or chance, and time is what the owner says. */
export interface Engine {
  readonly slab: Slab;
  readonly pool: InternPool;
  readonly streams: StreamTable;
  readonly limits: EngineLimits;
  /** Milliseconds since any start, never going back: set by the owner before it passes on what has arrived. */
  readonly time: { readonly nowMs: number };
  /** Connections by the index that stream slots carry; holes are reused. */
  readonly connections: (ConnectionState | undefined)[];
  /** A scratch range where the decoder leaves the field block of the event being told, valid during the call. */
  readonly scratch: number;
  readonly scratchOctets: number;
  /** Sum of what grown stream windows have granted beyond the initial window. */
  grownOctets: number;
  /** Memory is short: windows do not grow, and those that have give back what they grew by. */
  frugal: boolean;
  /** Share of the slab that stream queues and copies may fill; the rest keeps output and control frames going. */
  readonly softCapacityOctets: number;
  /**
   * Called when that share is about to be passed: ends streams that hold much, perhaps the very one that asks. Set by the
   * owner, who knows whose they are.
   */
  relieve: () => void;
}

/** Which end of the connection we are. */
export const Role = { server: 0, client: 1 } as const;
export type Role = (typeof Role)[keyof typeof Role];

/** A power of two. A stream's late frames must not be taken for a fault of the peer, even after many resets. */
export const REMEMBERED_RESETS = 1024;

/**
 * All that one connection knows; the modules beside this one are its behaviour. Owned by `Connection`, changed by the engine
 * only.
 */
export class ConnectionState {
  readonly engine: Engine;
  readonly role: Role;
  readonly sink: ConnectionSink;
  readonly output: Output;
  readonly decoder: HpackDecoder;
  readonly encoder: HpackEncoder;
  readonly index = new StreamIndex();
  /** Place in `engine.connections`. */
  readonly place: number;

  /** The peer's SETTINGS, with the protocol's defaults until they arrive. */
  peerInitialWindowOctets = DEFAULT_WINDOW_OCTETS;
  peerMaxFrameOctets = DEFAULT_MAX_FRAME_OCTETS;
  peerMaxConcurrentStreams = 100;
  peerMaxHeaderListOctets = Number.POSITIVE_INFINITY;

  /** Octets we may send on the connection, and the peer may send to us. */
  sendWindow = DEFAULT_WINDOW_OCTETS;
  recvWindow = DEFAULT_WINDOW_OCTETS;
  recvPending = 0;

  /** Highest stream id the peer has opened, and the next we would open. */
  highestPeerId = 0;
  nextLocalId: number;
  activeStreams = 0;
  /** Streams of ours from this id on were opened after the output's write number {@link unsentWrites}. */
  unsentFromId = 0;
  unsentWrites = -1;
  firstStream = 0;

  /** Octets of the client preface still to be seen (server), and whether SETTINGS came as the first frame. */
  prefaceSeen = 0;
  settingsSeen = false;
  /** Whether the peer's first SETTINGS is in force. */
  settingsApplied = false;
  goawaySent = false;
  goawayReceived = false;
  /** Streams the peer opens above this id are refused: ours after the final GOAWAY. */
  lastAcceptedId = 2 ** 31 - 1;
  failed = false;
  closed = false;

  /** The DATA frame being passed on as its octets arrive. */
  dataSlot = 0;
  dataRemaining = 0;
  dataPadding = 0;
  dataEndStream = false;

  /** The header section being collected over CONTINUATION frames. */
  sectionId = 0;
  sectionFlags = 0;
  sectionBlock = 0;
  sectionOctets = 0;
  sectionFrames = 0;

  /** Ring of streams with octets to send that wait for the connection's window or the output's backlog. */
  blockedHead = 0;
  pumping = false;
  /** A window has opened: {@link pump} is due when all that has arrived was read. */
  pumpDue = false;

  /** Ids of streams we reset lately: what still arrives for them was sent before the peer knew. */
  resetIds: Int32Array | undefined;
  resetCount = 0;

  /** When octets last came, and since when a frame or header section has been incomplete (0: none is). */
  lastReceivedMs: number;
  incompleteSinceMs = 0;

  /** What the peer may still do of what has little use; made when it is first charged. */
  floodBudget: FloodBudget | undefined;
  /** What all connections of the peer's owner may, if they are counted together. */
  readonly callerBudget: FloodBudget | undefined;
  /** Resets have been charged that streams which end well give back. */
  owesResets = false;
  /**
   * WINDOW_UPDATE and PING frames that our own DATA has given reason for, and a few to begin with: most peers open the
   * connection's window at once, and an idle connection need not have a budget for that.
   */
  earnedFrames = 8;
  /** Streams up to `agedId` have been open for a while; `markId` was the highest at `markMs`. See reset-cost.ts. */
  agedId = 0;
  markId = 0;
  markMs: number;
  settingsAcknowledged = false;
  pingsOut = 0;

  constructor(
    engine: Engine,
    role: Role,
    sink: ConnectionSink,
    output: Output,
    callerBudget: FloodBudget | undefined,
  ) {
    this.engine = engine;
    this.role = role;
    this.sink = sink;
    this.output = output;
    this.callerBudget = callerBudget;
    this.lastReceivedMs = engine.time.nowMs;
    this.markMs = engine.time.nowMs;
    this.nextLocalId = role === Role.client ? 1 : 2;
    this.decoder = new HpackDecoder(engine.slab, engine.pool, {
      maxTableOctets: 4096,
      maxListOctets: engine.limits.maxHeaderListOctets,
    });
    this.encoder = new HpackEncoder(engine.slab, engine.pool);
    const hole = engine.connections.indexOf(undefined);
    this.place = hole < 0 ? engine.connections.length : hole;
    engine.connections[this.place] = this;
  }
}
