import type { Socket } from "node:net";
import type { MessagePort } from "node:worker_threads";
import type {
  ListenFailedMessage,
  ListeningMessage,
  LogMessage,
  WorkerListener,
  WorkerStart,
} from "./worker-messages.ts";

/** What the acceptor is born with. */
export interface AcceptorStart {
  readonly listeners: readonly WorkerListener[];
  /** By listener: the file descriptor of a bound unix socket (net/unix-listener.ts), -1 for TCP. */
  readonly unixFds: readonly number[];
  readonly workerCount: number;
  /** As {@link WorkerStart}. */
  readonly anyIp: WorkerStart["anyIp"];
  /** Memory of a worker-loads.ts. */
  readonly loads: SharedArrayBuffer;
  /** Two Int32: counted up with each heartbeat; the kernel's number of the thread. */
  readonly beat: SharedArrayBuffer;
}

/** Everything the main thread sends to the acceptor. */
export type MainToAcceptor =
  /** A worker serves; sockets for it go into `port`. `isNew`: it has no connection yet. */
  | { readonly kind: "worker"; readonly worker: number; readonly port: MessagePort; readonly isNew: boolean }
  | { readonly kind: "worker-gone"; readonly worker: number }
  /** Try the hand-over, then open the listeners. */
  | { readonly kind: "listen" }
  /** Close the listeners for good. */
  | { readonly kind: "close" };

/** The hand-over was tried between acceptor and a worker; `error` is empty when it works. */
export interface HandOverTestedMessage {
  readonly kind: "hand-over-tested";
  readonly error: string;
}

/** Everything the acceptor sends to the main thread. */
export type AcceptorToMain = ListeningMessage | ListenFailedMessage | LogMessage | HandOverTestedMessage;

/** Everything the acceptor sends to a worker, through the port between the two. */
export type AcceptorToWorker =
  /** A client. `listener`: place of its listener in the configuration. */
  | { readonly kind: "connection"; readonly socket: Socket; readonly listener: number }
  /** Of the self-test: what comes in is to be sent back. */
  | { readonly kind: "probe"; readonly socket: Socket }
  /** The listeners are closed: no connection follows. */
  | { readonly kind: "closed" };
