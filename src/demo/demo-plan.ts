/** How long each piece of the demo lasts, in milliseconds. */
export interface DemoPlan {
  /** Load without counting, until code and connections are warm. */
  readonly warmUpMs: number;
  /** Between two parts, uncounted, so that what one part left behind does not count for the next. */
  readonly settleMs: number;
  /** All healthy, one slow, one killed, one added; the last may be Infinity. */
  readonly partsMs: readonly [number, number, number, number];
  /** From the death of a backend until both ways are told, as a cluster needs time to notice. */
  readonly noticeMs: number;
}

const SHARES = { warmUp: 0.1, settle: 0.05, parts: [0.36, 0.17, 0.16, 0.16] } as const;
const SHORTEST_PIECE_MS = 100;
/** Enough calls for a max/mean, even if a busy machine has taken all the time for the start. */
const SHORTEST_HEALTHY_MS = 1000;

/**
 * Divides the time there is.
 *
 * @param availableMs what is left after the start and before the end; `undefined` if only the user ends the demo.
 */
export function planDemo(availableMs: number | undefined): DemoPlan {
  if (availableMs === undefined) {
    return {
      warmUpMs: 2000,
      settleMs: 1200,
      partsMs: [15_000, 12_000, 12_000, Number.POSITIVE_INFINITY],
      noticeMs: 1000,
    };
  }
  const piece = (share: number) => Math.max(SHORTEST_PIECE_MS, availableMs * share);
  const warmUpMs = Math.min(2000, piece(SHARES.warmUp));
  const settleMs = Math.min(1200, piece(SHARES.settle));
  // What a long demo saves on the pauses goes to the parts.
  const sum = SHARES.parts.reduce<number>((total, share) => total + share, 0);
  const forParts = Math.max(0, availableMs - warmUpMs - 3 * settleMs);
  const part = (share: number) => Math.max(SHORTEST_PIECE_MS, (forParts * share) / sum);
  const [healthy, slow, killed, added] = SHARES.parts;
  const partsMs = [
    Math.max(SHORTEST_HEALTHY_MS, part(healthy)),
    part(slow),
    part(killed),
    part(added),
  ] as const;
  return { warmUpMs, settleMs, partsMs, noticeMs: Math.min(1000, partsMs[2] / 4) };
}
