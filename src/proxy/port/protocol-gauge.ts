import type { DownstreamProtocol } from "../../telemetry/worker-counters.ts";
import { WorkerColumn } from "../../telemetry/worker-counters.ts";
import type { ProxyContext } from "../proxy-context.ts";

/** Counts one connection among those of its protocol that are open. */
export class ProtocolGauge {
  /** As what it is counted; -1: not here. */
  protocol: DownstreamProtocol | -1 = -1;
  readonly #row: Float64Array;

  constructor({ workerRow }: ProxyContext) {
    this.#row = workerRow;
  }

  set(protocol: DownstreamProtocol | -1): void {
    if (this.protocol >= 0) this.#row[WorkerColumn.downstreamConnections + this.protocol]!--;
    if (protocol >= 0) this.#row[WorkerColumn.downstreamConnections + protocol]!++;
    this.protocol = protocol;
  }
}
