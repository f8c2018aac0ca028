import type { ClientSession, Refusal } from "../server/admission.ts";
import type { AdsServer } from "../server/ads-server.ts";
import type { GrpcCall } from "../server/grpc/grpc-call.ts";
import type { LoadStreamOptions } from "./load-stream.ts";
import { LoadStream } from "./load-stream.ts";
import { LRS_SERVICE } from "./lrs-service.ts";

/** What reports are taken with. */
export interface LoadReportsOptions extends Omit<LoadStreamOptions, "write" | "onNode"> {
  /** A report could not be read, or we failed. */
  readonly onFault: (peer: string, error: unknown) => void;
  /** A client that was let in names a node that it is not of, or may have nothing any more: its stream was ended. */
  readonly onRefused: (peer: string, refusal: Refusal) => void;
  /** Streams of reports at once; default 20,000. */
  readonly maxStreams?: number;
}

const MAX_STREAMS = 20_000;
/** gRPC status codes. */
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const INTERNAL = 13;

/**
 * Takes reports of load (LRS) beside the resources that a server serves, from whoever may ask for those. What is said of services that do not exist counts for
 * nothing; who may have only some services may lie about the load of others, which moves traffic between endpoints and no further.
 */
export function serveLoadReports(server: AdsServer, options: LoadReportsOptions): void {
  const { maxStreams = MAX_STREAMS } = options;
  let open = 0;
  server.handle(LRS_SERVICE.StreamLoadStats.path, (call) => {
    if (open >= maxStreams) {
      options.counts.tooManyStreams++;
      const details = `${maxStreams} streams of load reports are open, which is the most there may be`;
      options.onFault(call.peer, new Error(details));
      call.fail(RESOURCE_EXHAUSTED, details);
      return;
    }
    open++;
    void server.admit(call).then(
      (session) => {
        if (session === undefined) open--;
        else listen(call, session, options, () => open--);
      },
      (error: unknown) => {
        open--;
        options.onFault(call.peer, error);
        call.fail(INTERNAL, "a fault of the control plane itself");
      },
    );
  });
}

function listen(
  call: GrpcCall,
  session: ClientSession,
  options: LoadReportsOptions,
  onClosed: () => void,
): void {
  // Nobody reports in another node's name, and nobody longer than its rights last.
  const refuse = (refusal: Refusal): void => {
    const { code, message } = refusal;
    options.counts.refusedClients++;
    options.onRefused(call.peer, refusal);
    call.fail(code, message);
  };
  const stream = new LoadStream({
    ...options,
    write: (octets) => void call.write([octets]),
    onNode: (node) => void session.enter(node, { changed: () => {}, refuse }),
  });
  call.serve({
    onMessage: (octets) => {
      try {
        stream.receive(octets);
      } catch (error) {
        options.counts.refused++;
        options.onFault(call.peer, error);
        call.fail(INVALID_ARGUMENT, `the report cannot be read: ${String(error)}`);
      }
    },
    onDrained: () => {},
    onEnd: () => call.end(),
    onClosed: () => {
      stream.closed();
      session.leave();
      onClosed();
    },
  });
}
