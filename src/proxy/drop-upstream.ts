import type { ErrorCode } from "../h2/error-code.ts";
import { discardStream, resetStream } from "../h2/reset-stream.ts";
import { WorkerColumn } from "../telemetry/worker-counters.ts";
import type { ProxyContext } from "./proxy-context.ts";

/**
 * Ends a stream at an endpoint: by RST_STREAM as long as the connection's allowance lasts, else by reading it out, because
 * endpoints close connections that reset too much and others share this one.
 */
export function dropUpstream(context: ProxyContext, stream: number, errorCode: ErrorCode): void {
  const { engine, time } = context;
  const upstream = engine.connections[engine.streams.connection[stream]!]!;
  const channel = context.upstreams[upstream.place]!;
  if (channel.takeReset(time.nowMs)) {
    resetStream(upstream, stream, errorCode);
    return;
  }
  discardStream(upstream, stream);
  channel.deferReset(stream);
  context.workerRow[WorkerColumn.resetsSuppressed]!++;
}
