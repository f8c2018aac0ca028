import type { AttackCase, Gates } from "./harness/attack-case.ts";

const MIB = 1_048_576;
const CALM = ["ENHANCE_YOUR_CALM"] as const;

/**
 * What no attack may go beyond unless it says so. Resident memory: V8's young generation alone may take three times 32 MiB, and
 * which attack makes it grow is chance; what an attack itself holds is in the slab.
 */
const USUAL = { slabOctets: 2 * MIB, rssOctets: 128 * MIB } as const;

function gates(own: Partial<Gates>): Gates {
  return { ...USUAL, ...own };
}

/** Streams reset by the client, or by the proxy because the client broke a rule. */
export const RESETS: readonly AttackCase[] = [
  {
    attack: "rapid-reset",
    gates: gates({
      cpuMicrosPerFrame: 10,
      upstreamShare: 0.001,
      closes: CALM,
      mostFrames: 26_000,
      flood: "reset",
    }),
  },
  { attack: "rapid-reset-late", gates: gates({ cpuMicrosPerFrame: 25, mayClose: CALM }) },
  {
    attack: "rapid-reset-reconnecting",
    gates: gates({
      cpuMicrosPerFrame: 15,
      upstreamShare: 0.001,
      mayClose: [...CALM, "reset", "end"],
    }),
  },
  {
    attack: "made-you-reset",
    gates: gates({ cpuMicrosPerFrame: 25, closes: CALM, mostFrames: 4_000, flood: "provoked_reset" }),
  },
  {
    attack: "connection-churn",
    gates: gates({ cpuMicrosPerFrame: 450 }),
  },
];

/** Header sections that are too long, too many, or never there. */
export const HEADERS: readonly AttackCase[] = [
  {
    attack: "continuation-flood",
    gates: gates({ cpuMicrosPerFrame: 20, closes: CALM, mostFrames: 400, upstreamShare: 0 }),
  },
  { attack: "hpack-bomb", gates: gates({ cpuMicrosPerFrame: 1_800, upstreamShare: 0.1 }) },
  { attack: "header-list-above-limit", gates: gates({ cpuMicrosPerFrame: 330, upstreamShare: 0 }) },
  {
    attack: "invalid-hpack",
    gates: gates({ cpuMicrosPerFrame: 500, closes: ["COMPRESSION_ERROR"], mostFrames: 3, upstreamShare: 0 }),
  },
  { attack: "slow-headers", gates: gates({ cpuShare: 0.2, upstreamShare: 0 }) },
];

/** Frames that are allowed, one by one. */
export const FLOODS: readonly AttackCase[] = [
  {
    attack: "settings-flood",
    gates: gates({ cpuMicrosPerFrame: 10, closes: CALM, mostFrames: 1_500, flood: "settings" }),
  },
  {
    attack: "ping-flood",
    gates: gates({ cpuMicrosPerFrame: 10, closes: CALM, mostFrames: 4_000, flood: "ping" }),
  },
  {
    attack: "empty-data-flood",
    gates: gates({ cpuMicrosPerFrame: 10, closes: CALM, mostFrames: 7_000, flood: "empty_frame" }),
  },
  {
    attack: "window-update-flood",
    gates: gates({ cpuMicrosPerFrame: 10, closes: CALM, mostFrames: 15_000, flood: "window_update" }),
  },
];

/** Clients that let others wait: they read nothing, say nothing, or are many. */
export const HOLDERS: readonly AttackCase[] = [
  { attack: "zero-window", gates: gates({ slabOctets: 20 * MIB, cpuShare: 0.3 }) },
  { attack: "one-octet-window", gates: gates({ slabOctets: 20 * MIB, cpuMicrosPerFrame: 50 }) },
  { attack: "stalled-upload", gates: gates({ slabOctets: 32 * MIB, cpuShare: 0.3 }) },
  { attack: "half-open", rampMs: 700, gates: gates({ cpuShare: 0.3 }) },
  {
    attack: "idle-connections",
    rampMs: 2_200,
    gates: gates({ cpuShare: 0.3, slabOctets: 8 * MIB }),
  },
];

/** Variants: what holds for their family holds for each, but the innocent's p99 is measured once. */
export const VARIANTS: readonly AttackCase[] = [
  ...(
    [
      "made-you-reset, window-update-of-0",
      "made-you-reset, window-overflow",
      "made-you-reset, beyond-content-length",
      "made-you-reset, headers-when-half-closed",
      "made-you-reset, data-when-half-closed",
      "made-you-reset, trailers-without-end",
      "made-you-reset, depends-on-itself",
    ] as const
  ).map((attack): AttackCase => {
    const closes = { closes: CALM, mostFrames: 6_000, flood: "provoked_reset" };
    return { attack, timed: false, gates: gates({ cpuMicrosPerFrame: 25, ...closes }) };
  }),
  ...(["continuation-flood, empty", "continuation-flood, full"] as const).map(
    (attack): AttackCase => ({
      attack,
      timed: false,
      gates: gates({ cpuMicrosPerFrame: 100, closes: CALM, mostFrames: 400, upstreamShare: 0 }),
    }),
  ),
  {
    attack: "hpack-bomb, below the limit",
    timed: false,
    gates: gates({ cpuMicrosPerFrame: 600, slabOctets: 32 * MIB }),
  },
  {
    attack: "invalid-huffman",
    timed: false,
    gates: gates({ cpuMicrosPerFrame: 500, closes: ["COMPRESSION_ERROR"], mostFrames: 3, upstreamShare: 0 }),
  },
  {
    attack: "frame-above-limit",
    timed: false,
    gates: gates({ cpuMicrosPerFrame: 500, closes: ["FRAME_SIZE_ERROR"], mostFrames: 3 }),
  },
  {
    attack: "settings-flood, windows",
    timed: false,
    gates: gates({ cpuMicrosPerFrame: 20, closes: CALM, mostFrames: 1_500, flood: "settings" }),
  },
  {
    attack: "ping-flood, unread",
    timed: false,
    gates: gates({ cpuMicrosPerFrame: 10, mayClose: ["reset", "end"], flood: "ping" }),
  },
  {
    attack: "padded-data-flood",
    timed: false,
    gates: gates({ cpuMicrosPerFrame: 40 }),
  },
  {
    attack: "unknown-frame-flood",
    timed: false,
    gates: gates({ cpuMicrosPerFrame: 10, closes: CALM, mostFrames: 7_000, flood: "empty_frame" }),
  },
  {
    attack: "body-beyond-window",
    timed: false,
    gates: gates({ cpuMicrosPerFrame: 75, upstreamShare: 0.1 }),
  },
  {
    attack: "priority-flood",
    timed: false,
    gates: gates({ cpuMicrosPerFrame: 10, closes: CALM, mostFrames: 7_000, flood: "empty_frame" }),
  },
  { attack: "unread-socket", timed: false, gates: gates({ slabOctets: 20 * MIB, cpuShare: 0.3 }) },
  {
    attack: "connection-churn, many callers",
    timed: false,
    gates: gates({ cpuMicrosPerFrame: 450 }),
  },
  { attack: "half-preface", rampMs: 700, timed: false, gates: gates({ cpuShare: 0.3 }) },
];
