import type { Attack } from "./attack.ts";
import { CONNECTION_ATTACKS } from "./connection-attacks.ts";
import { FRAME_FLOODS } from "./frame-floods.ts";
import { HEADER_ATTACKS } from "./header-attacks.ts";
import { PUPPETS } from "./puppets.ts";
import { READER_ATTACKS } from "./reader-attacks.ts";
import { RESET_ATTACKS } from "./reset-attacks.ts";
import { TENANT_ATTACKS } from "./tenant-attacks.ts";

/** Every attack there is, by its name. */
export const ATTACKS = {
  ...RESET_ATTACKS,
  ...HEADER_ATTACKS,
  ...FRAME_FLOODS,
  ...READER_ATTACKS,
  ...CONNECTION_ATTACKS,
  ...PUPPETS,
  ...TENANT_ATTACKS,
} as const satisfies Record<string, Attack>;

export type AttackName = keyof typeof ATTACKS;
