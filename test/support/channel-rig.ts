import type { ClientHttp2Session, Http2Server, ServerOptions } from "node:http2";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import { Role } from "../../src/h2/connection-state.ts";
import type { EngineLimits } from "../../src/h2/engine-limits.ts";
import { literalRecord } from "../../src/h2/hpack/write-field.ts";
import type { ChannelContext } from "../../src/net/h2-channel.ts";
import { H2Channel } from "../../src/net/h2-channel.ts";
import { LoopTurn } from "../../src/net/loop-turn.ts";
import type { CarrierName } from "./carrier.ts";
import { Carrier } from "./carrier.ts";
import { RecordingSink } from "./recording-sink.ts";
import { TestEngine } from "./test-engine.ts";

/** A channel with its sink, and when it is gone. */
export interface ChannelEnd {
  readonly channel: H2Channel;
  readonly sink: RecordingSink;
  readonly gone: Promise<Error | undefined>;
}

/** An engine with real transports. When the test is over, nothing may be left of any connection. */
export class ChannelRig {
  readonly engine: TestEngine;
  /** Connections that were accepted. */
  readonly accepted: ChannelEnd[] = [];
  readonly #carrier: Carrier;
  readonly #context: ChannelContext;

  constructor(t: TestContext, carrier: CarrierName, limits: Partial<EngineLimits> = {}) {
    this.engine = new TestEngine({ limits });
    this.#carrier = new Carrier(t, this.engine.slab, carrier);
    const { area } = this.#carrier;
    this.#context = { engine: this.engine, turn: new LoopTurn(() => 0), area, tick: () => {} };
    t.after(async () => {
      for (const { channel, gone } of this.accepted) {
        channel.destroy();
        await gone;
      }
      this.engine.slab.free(area.offset - area.headroomOctets);
      this.engine.assertBaseline();
    });
  }

  /** Listens as a server. @returns how a peer gets a connection. */
  listen(onAccepted: (end: ChannelEnd) => void): Promise<() => Duplex> {
    return this.#carrier.listen((open) => {
      const end = this.#makeEnd(Role.server, open);
      this.accepted.push(end);
      onAccepted(end);
    });
  }

  /** Listens as a server. @returns a client of node:http2 that is connected to it. */
  async serve(onAccepted: (end: ChannelEnd) => void): Promise<ClientHttp2Session> {
    return this.#carrier.http2Client(await this.listen(onAccepted));
  }

  /** Dials a node:http2 server as a client. */
  async connectTo(options: ServerOptions, setUp: (server: Http2Server) => void): Promise<ChannelEnd> {
    return this.#makeEnd(Role.client, await this.#carrier.http2Server(options, setUp));
  }

  /** Dials as a client. */
  connect(port: number): ChannelEnd {
    return this.#makeEnd(Role.client, this.#carrier.dial(port));
  }

  /** Lays a field block down at an offset of the slab. @returns its length. */
  stageFields(at: number, fields: Readonly<Record<string, string>>): number {
    const block = Buffer.concat(Object.entries(fields).map(([name, value]) => literalRecord(name, value)));
    block.copy(this.engine.slab.bytes, at);
    return block.length;
  }

  #makeEnd(role: Role, open: ConstructorParameters<typeof H2Channel>[4]): ChannelEnd {
    const sink = new RecordingSink(this.engine);
    const { promise: gone, resolve: onGone } = Promise.withResolvers<Error | undefined>();
    const owner = { onConnected: () => {}, onGone };
    const channel = new H2Channel(this.#context, role, sink, owner, open);
    sink.state = channel.connection.state;
    // As the data plane does it.
    sink.on.onFailed = () => setImmediate(() => channel.end());
    return { channel, sink, gone };
  }
}
