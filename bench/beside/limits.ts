/** Limits that all contenders have alike. */
export const REQUEST_TIMEOUT_MS = 1_000;
/** The clients' own; later than the proxies', so that the proxies learn what they did. */
export const DEADLINE_MS = 2_000;
/** Each. */
export const CONNECT_TIMEOUT_MS = 1_000;
/** PINGs on connections to endpoints. */
export const KEEPALIVE = { timeMs: 10_000, timeoutMs: 5_000 } as const;
/** What clients call the service; it selects the cluster. */
export const AUTHORITY = "work.beside";
