/** A place in the sources that another release has otherwise. */
export interface SourceChange {
  /** Path below `src`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const RUN_FILE = "daemon/capture/node-capture.ts";
const PLAN = "daemon/capture/capture-plan.ts";
const CALLERS = "xds/resources/caller-view.ts";
const SERVICES = "xds/resources/capture-view.ts";
const TYPES = "xds/resources/type-url.ts";

/**
 * Releases that there are not, by how their sources differ from today's:
 *
 * - `more`: says more in everything that another process reads, in today's formats
 * - `formats`: a proxy whose files have other formats
 * - `callerless`: a control plane that does not know the lists of callers and of captured services
 */
export const RELEASES = {
  more: [
    { file: RUN_FILE, from: "format: 1,", to: "format: 1, later: { than: 1 }," },
    { file: PLAN, from: "return { format: 1,", to: "return { format: 1, later: [1, 2]," },
    { file: "daemon/capture/ledger.ts", from: "...counts,", to: "...counts, later: 1," },
    {
      file: CALLERS,
      from: "new WireWriter().string(1, name)",
      to: 'new WireWriter().string(1, name).string(98, "later")',
    },
    {
      file: CALLERS,
      from: ".string(1, caller.uid)",
      to: '.string(1, caller.uid).string(99, "later")',
    },
    {
      file: SERVICES,
      from: "inner.string(1, service)",
      to: "inner.string(1, service).number(99, 7)",
    },
  ],
  formats: [
    { file: RUN_FILE, from: "format: 1,", to: "format: 2," },
    { file: PLAN, from: "return { format: 1,", to: "return { format: 2," },
  ],
  callerless: [
    { file: TYPES, from: "isobar.v1.CallerView", to: "isobar.v0.Nothing" },
    { file: TYPES, from: "isobar.v1.CaptureView", to: "isobar.v0.NothingEither" },
  ],
} as const satisfies Readonly<Record<string, readonly SourceChange[]>>;

/** One of {@link RELEASES}. */
export type Release = keyof typeof RELEASES;
