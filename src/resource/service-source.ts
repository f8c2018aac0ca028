import type { ChangeCause, ServiceModel } from "./service.ts";

/** Where a source of services puts what it finds. Calls never throw. */
export interface ServiceSink {
  /** A service is new or may have changed; the sink finds out whether it has. */
  upsert(service: ServiceModel): void;
  /** The service of this canonical name is gone. @param cause what took it away: where there is one, that was meant. */
  remove(name: string, cause?: ChangeCause): void;
  /** Everything there is has been given once: from now on what is not known does not exist. May be called again. */
  synced(): void;
}

/** Finds services and keeps the sink up to date with them. */
export interface ServiceSource {
  /** Begins; resolves when it works, which may be before everything is synced. @throws when it cannot work at all. */
  start(sink: ServiceSink): Promise<void>;
  /** Ends it; the sink is not called any more. */
  close(): Promise<void>;
}
