import type { ServerDuplexStream } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import type { ClientSession, Refusal } from "../server/admission.ts";
import type { AdsServer } from "../server/ads-server.ts";
import type { LoadStreamOptions } from "./load-stream.ts";
import { LoadStream } from "./load-stream.ts";
import { LRS_SERVICE } from "./lrs-service.ts";

type Call = ServerDuplexStream<Buffer, Buffer>;

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

/**
 * Takes reports of load (LRS) beside the resources that a server serves, from whoever may ask for those. What is said of services that do not exist counts for
 * nothing; who may have only some services may lie about the load of others, which moves traffic between endpoints and no further.
 */
export function serveLoadReports(server: AdsServer, options: LoadReportsOptions): void {
  const { maxStreams = MAX_STREAMS } = options;
  let open = 0;
  server.handle(LRS_SERVICE, {
    StreamLoadStats: (call: Call) => {
      call.on("error", () => {});
      if (open >= maxStreams) {
        options.counts.tooManyStreams++;
        const details = `${maxStreams} streams of load reports are open, which is the most there may be`;
        options.onFault(call.getPeer(), new Error(details));
        call.emit("error", { code: status.RESOURCE_EXHAUSTED, details });
        return;
      }
      open++;
      let leave = (): void => {};
      call.once("close", () => {
        open--;
        leave();
      });
      void server.admit(call).then(
        (session) => {
          if (session === undefined) return;
          leave = () => session.leave();
          if (call.destroyed) leave();
          else listen(call, session, options);
        },
        (error: unknown) => options.onFault(call.getPeer(), error),
      );
    },
  });
}

function listen(call: Call, session: ClientSession, options: LoadReportsOptions): void {
  let isOver = false;
  // Nobody reports in another node's name, and nobody longer than its rights last.
  const refuse = (refusal: Refusal): void => {
    const { code, message } = refusal;
    end();
    options.counts.refusedClients++;
    options.onRefused(call.getPeer(), refusal);
    call.emit("error", { code, details: message });
  };
  const stream = new LoadStream({
    ...options,
    write: (octets) => (isOver ? false : call.write(octets)),
    onNode: (node) => void session.enter(node, { changed: () => {}, refuse }),
  });
  const end = (): void => {
    isOver = true;
    stream.closed();
  };
  call.on("data", (octets: Buffer) => {
    if (isOver) return;
    try {
      stream.receive(octets);
    } catch (error) {
      options.counts.refused++;
      options.onFault(call.getPeer(), error);
      end();
      call.emit("error", {
        code: status.INVALID_ARGUMENT,
        details: `the report cannot be read: ${String(error)}`,
      });
    }
  });
  call.on("end", () => call.end());
  for (const event of ["close", "cancelled", "error"]) call.on(event, end);
}
