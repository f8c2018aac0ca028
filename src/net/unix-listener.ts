import type { Server } from "node:net";
import { createServer } from "node:net";
import { getSystemErrorMessage, getSystemErrorName } from "node:util";

/** A native handle of a listening socket: undocumented, so it is used in the folder net alone. */
interface NativeHandle {
  readonly fd: number;
  bind(path: string): number;
  open(fd: number): number;
}

interface Bindings {
  readonly Pipe: new (kind: number) => NativeHandle;
  readonly constants: { readonly SERVER: number };
}

type Binding = (name: "pipe_wrap") => Bindings;

/** Of node's `TCP` handles. */
const TCP_SERVER = 1;

/**
 * Binds a unix socket without listening on it, so that another thread may: {@link listenOnUnixFd}. The handle, and with it
 * the path, lives as long as the process; Node removes the path when it ends.
 *
 * @returns the file descriptor; or -1 and what the system said, with its code.
 */
export function bindUnixSocket(path: string): { readonly fd: number; readonly error: string } {
  const { Pipe, constants } = (process as unknown as { readonly binding: Binding }).binding("pipe_wrap");
  const pipe = new Pipe(constants.SERVER);
  const error = pipe.bind(path);
  if (error === 0) return { fd: pipe.fd, error: "" };
  return { fd: -1, error: `${getSystemErrorName(error)}: ${getSystemErrorMessage(error)} ${path}` };
}

/**
 * Listens on a bound unix socket so that the accepted sockets can be sent to other threads: Node transfers sockets of its
 * `TCP` class only, and that class serves a stream socket of any family. (Of what TCP alone has, `TCP_NODELAY` fails
 * without consequence, and there is no remote address.)
 *
 * @throws Error when Node's internals are not as expected; there is nothing to undo then.
 */
export async function listenOnUnixFd(server: Server, fd: number, backlog: number): Promise<void> {
  const handle = await tcpHandle();
  const error = handle.open(fd);
  if (error < 0) throw new Error(`a unix socket cannot be opened as a TCP handle: error ${error}`);
  server.listen({ _handle: handle } as unknown as Parameters<Server["listen"]>[0], backlog as never);
}

/** The class of TCP handles is reachable through an instance only. */
function tcpHandle(): Promise<NativeHandle> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { _handle } = server as unknown as { readonly _handle: object };
      const Tcp = _handle.constructor as new (kind: number) => NativeHandle;
      server.close();
      resolve(new Tcp(TCP_SERVER));
    });
  });
}
