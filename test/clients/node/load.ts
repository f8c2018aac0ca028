import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceError } from "@grpc/grpc-js";
import type { EchoReply } from "./echo-client.ts";
import { EchoClient } from "./echo-client.ts";

/** The load of one client, the same in every language. */
const UNARY_LOOPS = 4;
const LONG_REPLIES = 150;
const SHORT_REPLIES = 10;
const REPLY_DELAY_MS = 20;
const BIDI_PAUSE_MS = 100;
/** So that what fails at once is not called without a pause. */
const AFTER_FAILURE_MS = 50;

/** How a {@link load} is called. */
export interface LoadOptions {
  readonly target: string;
  readonly authority: string;
  /** What the ids of its calls begin with. */
  readonly name: string;
  /** Calls wait while the channel has no connection, instead of failing. */
  readonly waitForReady: boolean;
  /** How long each unary call takes at its server. */
  readonly delayMs: number;
  /** How long each bidirectional stream lasts, one after the other; 0: there are none. */
  readonly bidiMs: number;
}

/** Calls without a pause on one channel until standard input ends, and then prints one JSON line. */
export async function load(options: LoadOptions): Promise<void> {
  const { target, authority, name, waitForReady, delayMs, bidiMs } = options;
  const client = await EchoClient.open(target, authority, waitForReady);
  const counts = { unary: 0, streams: 0 };
  const failed: object[] = [];
  let isOver = false;
  const loop = async (kind: string, count: keyof typeof counts, call: (id: string) => Promise<unknown>) => {
    for (let number = 0; !isOver; number++) {
      const id = `${name}-${kind}-${number}`;
      try {
        await call(id);
      } catch (error) {
        const { code = -1, message } = error as ServiceError;
        failed.push({ id, status: code, message, at: Date.now() });
        await sleep(AFTER_FAILURE_MS);
      }
      counts[count]++;
    }
  };
  const payload = Buffer.from(Array.from({ length: 100 }, (_, i) => i));
  const loops = Array.from({ length: UNARY_LOOPS }, (_, each) =>
    loop(`unary${each}`, "unary", (callId) => client.unary({ payload, callId, delayMs })),
  );
  loops.push(loop("long", "streams", (id) => readStream(client, id, LONG_REPLIES)));
  loops.push(loop("short", "streams", (id) => readStream(client, id, SHORT_REPLIES)));
  if (bidiMs > 0) loops.push(loop("bidi", "streams", (id) => pingPong(client, id, bidiMs)));
  process.stdin.resume();
  await once(process.stdin, "end");
  isOver = true;
  await Promise.all(loops);
  client.close();
  process.stdout.write(`${JSON.stringify({ ...counts, failed })}\n`);
}

async function readStream(client: EchoClient, callId: string, replies: number): Promise<void> {
  let index = 0;
  for await (const reply of client.serverStream({
    callId,
    replies,
    replySize: 100,
    delayMs: REPLY_DELAY_MS,
  })) {
    if (reply.index !== index++) throw new Error(`a reply out of order before number ${index}`);
  }
  if (index !== replies) throw new Error(`${index} replies of ${replies}`);
}

/** Sends a message only when the reply to the one before has come. */
async function pingPong(client: EchoClient, callId: string, lastsMs: number): Promise<void> {
  const stream = client.bidi();
  const replies = stream[Symbol.asyncIterator]() as AsyncIterator<EchoReply>;
  const endMs = performance.now() + lastsMs;
  for (let index = 0; performance.now() < endMs; index++) {
    stream.write({ payload: Buffer.alloc(100), callId });
    const { done, value } = await replies.next();
    if (done === true || value.index !== index)
      throw new Error(`no reply, or another one, as number ${index}`);
    await sleep(BIDI_PAUSE_MS);
  }
  stream.end();
  if ((await replies.next()).done === true) throw new Error("no reply after the half-close");
  if ((await replies.next()).done !== true) throw new Error("no end after the last reply");
}
