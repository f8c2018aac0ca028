/** What is known of a tier's load. Its owner fills the same objects again and again. */
export interface TierEvidence {
  /** Attempts that were answered or failed since the last update, and the sum of their times in ms; as this proxy saw them. */
  answers: number;
  answerMs: number;
  /** Attempts that wait for an answer, of this proxy. */
  waiting: number;
  /** Streams in flight per endpoint of mean weight, of all proxies; -1 where only this proxy's own are known. */
  streams: number;
  /** Mean utilization that endpoints report, 0 to 1; -1 where they do not. */
  utilization: number;
}

/** @returns evidence of nothing. */
export function noEvidence(): TierEvidence {
  return { answers: 0, answerMs: 0, waiting: 0, streams: -1, utilization: -1 };
}
