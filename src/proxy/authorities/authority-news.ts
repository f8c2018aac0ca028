/** What becomes of an authority, in {@link AuthorityNews.clusterSlot} where that is no slot. */
export const AuthorityState = {
  /** Routes say where its requests go. */
  routed: -1,
  /** There is no such service. */
  absent: -2,
  /** Nobody has asked for it for long: the next request asks again. */
  forgotten: -3,
} as const;

/** Word of an authority that was asked for. */
export interface AuthorityNews {
  /** In lower case. */
  readonly authority: string;
  /** Slot of the cluster it is one more name of, or an {@link AuthorityState}. */
  readonly clusterSlot: number;
}
