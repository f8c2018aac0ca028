import type { CapturedService } from "../../resource/captured-service.ts";

/** Takes which services are captured. Calls never throw. */
export interface CaptureSink {
  /** @param service `namespace/name`. @param ports those of the Service that are captured; none: it is not (any more). */
  set(service: string, ports: readonly CapturedService[]): void;
  /** Everything has been looked at once: what has not been set is not captured. */
  settled(): void;
}
