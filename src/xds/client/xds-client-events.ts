/** What happens in a XdsClient, for the log and the metrics. */
export interface XdsClientEvents {
  onConnected(address: string): void;
  onDisconnected(address: string, reason: string): void;
  /** @param problem why an answer was refused, "" when it was not. */
  onAnswer(typeUrl: string, problem: string): void;
  /** An update took most endpoints away. @param held how many stay for now; 0 when what was held back is believed. */
  onHeldBack(cluster: string, held: number): void;
  /** Endpoints that are held back, or known from disk alone, are not used any more: somebody else has their addresses. */
  onStrangers?(cluster: string, addresses: readonly string[]): void;
  /** What is known, or wanted, has changed. */
  onChange(): void;
}
