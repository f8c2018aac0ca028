import type { Socket } from "node:net";
import type { ChannelCredentials } from "@grpc/grpc-js";

/** Credentials whose connections can be kept from holding up the end of a program. */
export interface UnrefCredentials {
  readonly credentials: ChannelCredentials;
  /** From now on the connections that stand do not keep the process alive, whatever streams they have. */
  unref(): void;
}

/**
 * A program that has done its work ends by itself, although streams are open that nobody would ever end. grpc-js keeps a process alive as
 * long as a call is under way, and has no word for one that should not; so the sockets are noted where TLS would be put around them.
 */
export function unrefCredentials(credentials: ChannelCredentials): UnrefCredentials {
  const sockets = new Set<Socket>();
  const create = credentials._createSecureConnector.bind(credentials);
  credentials._createSecureConnector = (...parameters) => {
    const connector = create(...parameters);
    const connect = connector.connect.bind(connector);
    connector.connect = async (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      const connected = await connect(socket);
      if (connected.socket !== socket) {
        sockets.add(connected.socket);
        connected.socket.once("close", () => sockets.delete(connected.socket));
      }
      return connected;
    };
    return connector;
  };
  return {
    credentials,
    unref: () => {
      for (const socket of sockets) socket.unref();
    },
  };
}
