import { Socket } from "node:net";

// The real acceptor on a Node that loses what a client has sent when its socket moves: the first octets are read away.
const { setEncoding } = Socket.prototype;
Socket.prototype.setEncoding = function broken(encoding) {
  setEncoding.call(this, encoding);
  this.on("newListener", () => undefined);
  const emit = this.emit.bind(this);
  this.emit = ((event: string, ...values: unknown[]) =>
    event === "data" ? emit(event, String(values[0]).slice(1)) : emit(event, ...values)) as typeof this.emit;
  return this;
};
await import("../../../src/daemon/acceptor.ts");
