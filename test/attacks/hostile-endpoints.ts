import type { BehaviourName } from "./backend/behaviours.ts";
import type { AttackCase, Gates } from "./harness/attack-case.ts";

const MIB = 1_048_576;

/** @param name the endpoint's behaviour, and what follows it in the attack's name. */
function endpoint(
  hostile: BehaviourName,
  own: Partial<Gates>,
  more: Pick<AttackCase, "timed"> & { readonly attack?: AttackCase["attack"] } = {},
): AttackCase {
  const attack = more.attack ?? (`endpoint: ${hostile}` as AttackCase["attack"]);
  return { ...more, attack, hostile, gates: { slabOctets: 4 * MIB, rssOctets: 128 * MIB, ...own } };
}

/** Endpoints that flood the proxy. */
export const ENDPOINT_FLOODS: readonly AttackCase[] = [
  endpoint("ping-flood", { cpuMicrosPerFrame: 15 }),
  endpoint("endless-headers", { cpuMicrosPerFrame: 120 }),
  endpoint("tiny-data", { cpuMicrosPerFrame: 15 }),
  endpoint("resets-all", { cpuMicrosPerFrame: 150 }),
  endpoint(
    "endless-response",
    { cpuMicrosPerFrame: 150 },
    { attack: "endpoint: endless-response to a canceller" },
  ),
];

export const ENDPOINT_VARIANTS: readonly AttackCase[] = [
  endpoint("settings-flood", { cpuMicrosPerFrame: 15 }, { timed: false }),
  endpoint("window-update-flood", { cpuMicrosPerFrame: 15 }, { timed: false }),
  endpoint("goaway-flood", { cpuMicrosPerFrame: 15 }, { timed: false }),
  endpoint("header-bomb", { cpuMicrosPerFrame: 600 }, { timed: false }),
  endpoint("endless-103", { cpuMicrosPerFrame: 30 }, { timed: false }),
  endpoint("empty-data", { cpuMicrosPerFrame: 15 }, { timed: false }),
  endpoint("refuses-all", { cpuMicrosPerFrame: 150 }, { timed: false }),
  endpoint("closes-at-once", { cpuMicrosPerFrame: 1_000 }, { timed: false }),
  endpoint(
    "endless-response",
    { cpuMicrosPerFrame: 800 },
    { timed: false, attack: "endpoint: endless-response to a slow reader" },
  ),
];
