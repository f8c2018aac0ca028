import { createInterface } from "node:readline";
import { startPinned } from "./pinned-process.ts";
import { places } from "./places.ts";
import { waitForPort } from "./wait-for-port.ts";

/** Totals over all ports since the start. */
export interface BackendCounters {
  requests: number;
  connections: number;
  octetsReceived: number;
  headerOctets: number;
  cpuSeconds: number;
}

/** The cheap backends, one process for all ports. */
export interface Backends extends AsyncDisposable {
  counters(): Promise<BackendCounters>;
}

interface Printed {
  cpuSeconds: number;
  ports: { connections: number; requests: number; octetsReceived: number; headerOctets: number }[];
}

/** Starts the backends on one core. */
export async function startBackends(core: number, program: string): Promise<Backends> {
  const backend = startPinned(core, program, [
    "--ports",
    [...places.ports.backends, ...places.ports.farBackends].join(","),
  ]);
  const lines = createInterface({ input: backend.child.stdout! })[Symbol.asyncIterator]();
  await waitForPort(backend, places.ports.backends[0]);
  await lines.next(); // says that it listens
  return {
    async counters() {
      backend.child.kill("SIGUSR1");
      const line = await lines.next();
      if (line.done) {
        throw new Error("the backends have ended");
      }
      const { cpuSeconds, ports } = JSON.parse(line.value) as Printed;
      const sum = (of: (port: Printed["ports"][number]) => number) =>
        ports.reduce((all, port) => all + of(port), 0);
      return {
        cpuSeconds,
        requests: sum((port) => port.requests),
        connections: sum((port) => port.connections),
        octetsReceived: sum((port) => port.octetsReceived),
        headerOctets: sum((port) => port.headerOctets),
      };
    },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}
