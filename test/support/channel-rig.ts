import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import type { TestContext } from "node:test";
import { Role } from "../../src/h2/connection-state.ts";
import { literalRecord } from "../../src/h2/hpack/write-field.ts";
import type { ChannelContext } from "../../src/net/h2-channel.ts";
import { H2Channel } from "../../src/net/h2-channel.ts";
import { LoopTurn } from "../../src/net/loop-turn.ts";
import { ReadArea } from "../../src/net/read-area.ts";
import { SocketTransport } from "../../src/net/socket-transport.ts";
import { RecordingSink } from "./recording-sink.ts";
import { TestEngine } from "./test-engine.ts";

/** A channel with its sink, and when it is gone. */
export interface ChannelEnd {
  readonly channel: H2Channel;
  readonly sink: RecordingSink;
  readonly gone: Promise<Error | undefined>;
}

/** An engine with real sockets. When the test is over, nothing may be left of any connection. */
export class ChannelRig {
  readonly engine = new TestEngine();
  /** Connections that were accepted. */
  readonly accepted: ChannelEnd[] = [];
  readonly #context: ChannelContext;

  constructor(t: TestContext) {
    const area = new ReadArea(this.engine.slab);
    this.#context = { engine: this.engine, turn: new LoopTurn(), area, tick: () => {} };
    t.after(async () => {
      for (const { channel, gone } of this.accepted) {
        channel.destroy();
        await gone;
      }
      this.engine.slab.free(area.offset - area.headroomOctets);
      this.engine.assertBaseline();
    });
  }

  /** Listens as a server. @returns the port. */
  async listen(t: TestContext, onAccepted: (end: ChannelEnd) => void): Promise<number> {
    const { slab } = this.engine;
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket: Socket) => {
      const end = this.#makeEnd(Role.server, (owner) =>
        SocketTransport.accept(slab, this.#context.area, socket, owner),
      );
      this.accepted.push(end);
      onAccepted(end);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  /** Dials as a client. */
  connect(port: number): ChannelEnd {
    const { slab } = this.engine;
    return this.#makeEnd(Role.client, (owner) =>
      SocketTransport.connect(slab, this.#context.area, "127.0.0.1", port, owner),
    );
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
