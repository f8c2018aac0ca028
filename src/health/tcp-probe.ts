import { connect } from "node:net";
import type { Probe, ProbeAnswer, ProbeTarget } from "./probe.ts";
import { answerOfError, timedOut } from "./probe.ts";

/** Asks by connecting: whoever accepts is well. Clear text or TLS make no difference to it. */
export class TcpProbe implements Probe {
  readonly #target: ProbeTarget;

  constructor(target: ProbeTarget) {
    this.#target = target;
  }

  check(timeoutMs: number): Promise<ProbeAnswer> {
    const { address, port } = this.#target;
    return new Promise((resolve) => {
      const socket = connect({ host: address, port });
      const end = (answer: ProbeAnswer): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(answer);
      };
      const timer = setTimeout(() => end(timedOut(timeoutMs)), timeoutMs);
      socket.on("error", (error) => end(answerOfError(error)));
      socket.on("connect", () => end({ result: "success", detail: "" }));
    });
  }

  reset(): void {
    // Each check has a connection of its own.
  }
}
