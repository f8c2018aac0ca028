/** Turns of proxies that no limit names: enough for a table. */
export const unlimitedTurns = 3;
