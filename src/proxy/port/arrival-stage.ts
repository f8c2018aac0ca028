/** Where an arrival stands. */
export const Stage = {
  /** Its first octets are waited for, or more of them. */
  detecting: 0,
  /** Not read for now: a name is looked up, a part is loaded, a target is dialled, an answer is on its way out. */
  waiting: 1,
  spliced: 2,
  handedOver: 3,
  closing: 4,
} as const;
export type Stage = (typeof Stage)[keyof typeof Stage];
