import assert from "node:assert/strict";
import { Slab } from "../../src/base/slab.ts";
import type { ConnectionState, Engine } from "../../src/h2/connection-state.ts";
import type { EngineLimits } from "../../src/h2/engine-limits.ts";
import { FLOOD_LIMITS } from "../../src/h2/flood-limits.ts";
import { InternPool } from "../../src/h2/hpack/intern-pool.ts";
import { StreamTable } from "../../src/h2/stream/stream-table.ts";

/** What a test may change about its engine. */
export interface TestEngineOptions {
  readonly capacityOctets?: number;
  readonly softCapacityOctets?: number;
  readonly maxStreams?: number;
  readonly limits?: Partial<EngineLimits>;
}

const AREA_OCTETS = 262_144;

const LIMITS: EngineLimits = {
  maxConcurrentStreams: 1024,
  maxHeaderListOctets: 32_768,
  connectionWindowOctets: 2 ** 20,
  maxStreamWindowOctets: 2 ** 20,
  grownWindowsOctets: 2 ** 20,
  backlogOctets: 131_072,
  maxBacklogOctets: 2 ** 20,
  floods: FLOOD_LIMITS,
  maxRequestBodyOctets: 0,
};

/** An engine without sockets: freed memory is poisoned, and what is in use can be held against the start. */
export class TestEngine implements Engine {
  readonly slab: Slab;
  readonly pool: InternPool;
  readonly streams: StreamTable;
  readonly limits: EngineLimits;
  readonly connections: (ConnectionState | undefined)[] = [];
  readonly scratch: number;
  readonly scratchOctets = AREA_OCTETS;
  readonly softCapacityOctets: number;
  /** Where input is laid down for a connection to receive. */
  readonly input: number;
  /** Where what a test sends is laid down. */
  readonly stage: number;
  /** The time as a test sets it. */
  readonly time = { nowMs: 1000 };
  readonly areaOctets = AREA_OCTETS;
  grownOctets = 0;
  frugal = false;
  relieve: () => void = () => {};
  readonly #baseOctets: number;

  constructor(options: TestEngineOptions = {}) {
    this.slab = new Slab({ capacityOctets: options.capacityOctets ?? 16 * 2 ** 20, poison: true });
    this.pool = new InternPool(this.slab);
    this.streams = new StreamTable(this.slab, options.maxStreams ?? 4096);
    this.limits = { ...LIMITS, ...options.limits };
    this.softCapacityOctets = options.softCapacityOctets ?? this.slab.capacityOctets * 0.85;
    this.scratch = this.slab.alloc(AREA_OCTETS);
    this.input = this.slab.alloc(AREA_OCTETS);
    this.stage = this.slab.alloc(AREA_OCTETS);
    assert.ok(this.stage > 0, "the engine's capacity is too small for a test");
    this.#baseOctets = this.slab.usedOctets;
  }

  /** Fails unless everything that connections took has come back. */
  assertBaseline(): void {
    assert.equal(this.streams.used, 0, "streams in use");
    assert.equal(this.pool.entries, 0, "interned fields in use");
    assert.equal(this.slab.usedOctets - this.#baseOctets, 0, "slab octets in use");
    assert.equal(this.grownOctets, 0, "octets of grown windows");
    assert.ok(
      this.connections.every((each) => each === undefined),
      "connections registered",
    );
  }
}
