import { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { TierSet } from "../tier-set.ts";
import type { PickView } from "./pick-view.ts";
import { decodePlain, encodePlain } from "./plain-data.ts";

/** The picks one worker has recorded, and what they were made from. */
export interface WorkerPicks {
  readonly worker: number;
  /** When it was asked, on the clock of its records and in ms since 1970. */
  readonly nowMs: number;
  readonly wallMs: number;
  /** For readRecords. */
  readonly records: Float64Array;
  readonly views: readonly PickView[];
}

/** What a dump begins with; its last character is the version of the format. */
const MAGIC = "ISOPICK1";
const Section = { snapshot: 1, view: 2, worker: 3 } as const;
const SECTION_HEAD_OCTETS = 8;

interface WorkerHead {
  readonly worker: number;
  readonly nowMs: number;
  readonly wallMs: number;
}

interface ViewHead extends TierSet {
  readonly number: number;
  /** Which of the snapshots so far. */
  readonly snapshot: number;
}

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Writes recorded picks as a file: sections of kind (u32), length (u32) and content, filled up to multiples of 8 octets. Views
 * follow the snapshots they name, and a worker follows its views: first the length of its JSON head, then records.
 */
export function encodePickDump(workers: readonly WorkerPicks[]): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [utf8.encode(MAGIC)];
  const snapshots = new Map<string, number>();
  for (const { records, views, ...head } of workers) {
    for (const { number, snapshot, tiers, shares } of views) {
      const identity = `${snapshot.clusterSlot} ${snapshot.contentHash}`;
      let at = snapshots.get(identity);
      if (at === undefined) {
        at = snapshots.size;
        snapshots.set(identity, at);
        addSection(pieces, Section.snapshot, new Uint8Array(snapshot.buffer));
      }
      addSection(
        pieces,
        Section.view,
        utf8.encode(encodePlain({ number, snapshot: at, tiers: [...tiers], shares })),
      );
    }
    const headText = utf8.encode(encodePlain(head));
    const padded = new Uint8Array(8 + paddedLength(headText.length));
    new DataView(padded.buffer).setUint32(0, headText.length, true);
    padded.set(headText, 8);
    addSection(
      pieces,
      Section.worker,
      padded,
      new Uint8Array(records.buffer, records.byteOffset, records.byteLength),
    );
  }
  return join(pieces);
}

/** @throws RangeError saying what is wrong with the octets, and where. */
export function decodePickDump(file: Uint8Array): WorkerPicks[] {
  // Not what it may be besides: a Buffer's slices are no copies, and records need octets of their own, in line.
  const octets = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  if (fromUtf8.decode(octets.slice(0, MAGIC.length)) !== MAGIC)
    throw new RangeError(`found something else, wanted a file of recorded picks (${MAGIC} at its start)`);
  const head = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const snapshots: ClusterSnapshot[] = [];
  const workers: WorkerPicks[] = [];
  let views: PickView[] = [];
  for (let at = MAGIC.length; at < octets.length; ) {
    if (at + SECTION_HEAD_OCTETS > octets.length) throw new RangeError(`octet ${at}: the file is cut short`);
    const kind = head.getUint32(at, true);
    const length = head.getUint32(at + 4, true);
    const start = at + SECTION_HEAD_OCTETS;
    if (start + length > octets.length) throw new RangeError(`octet ${at}: the file is cut short`);
    const content = octets.slice(start, start + length);
    if (kind === Section.snapshot) snapshots.push(snapshotOf(content, at));
    else if (kind === Section.view) views.push(viewOf(content, snapshots, at));
    else if (kind === Section.worker) {
      workers.push(workerOf(content, views, at));
      views = [];
    } else throw new RangeError(`octet ${at}: found a section of kind ${kind}, wanted 1, 2 or 3`);
    at = start + paddedLength(length);
  }
  return workers;
}

function snapshotOf(content: Uint8Array<ArrayBuffer>, at: number): ClusterSnapshot {
  const snapshot = within(at, () => new ClusterSnapshot(content.buffer));
  if (!snapshot.isIntact()) throw new RangeError(`octet ${at}: the snapshot is damaged`);
  return snapshot;
}

function viewOf(content: Uint8Array, snapshots: readonly ClusterSnapshot[], at: number): PickView {
  return within(at, () => {
    const view = decodePlain(fromUtf8.decode(content)) as ViewHead;
    const snapshot = snapshots[view.snapshot];
    const isWhole = Array.isArray(view.tiers) && view.shares instanceof Float64Array;
    if (snapshot === undefined || !isWhole) throw new RangeError("a view without snapshot, tiers or shares");
    return { ...view, snapshot };
  });
}

function workerOf(content: Uint8Array<ArrayBuffer>, views: readonly PickView[], at: number): WorkerPicks {
  return within(at, () => {
    const headLength = new DataView(content.buffer).getUint32(0, true);
    const head = decodePlain(fromUtf8.decode(content.slice(8, 8 + headLength))) as WorkerHead;
    const records = new Float64Array(content.slice(8 + paddedLength(headLength)).buffer);
    return { ...head, records, views };
  });
}

function within<T>(at: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new RangeError(`octet ${at}: ${(error as Error).message}`, { cause: error });
  }
}

function paddedLength(octets: number): number {
  return Math.ceil(octets / 8) * 8;
}

function addSection(pieces: Uint8Array[], kind: number, ...content: Uint8Array[]): void {
  const length = content.reduce((sum, piece) => sum + piece.length, 0);
  const head = new Uint8Array(SECTION_HEAD_OCTETS);
  const numbers = new DataView(head.buffer);
  numbers.setUint32(0, kind, true);
  numbers.setUint32(4, length, true);
  pieces.push(head, ...content);
  if (length % 8 !== 0) pieces.push(new Uint8Array(8 - (length % 8)));
}

function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
