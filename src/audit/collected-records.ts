import type { AuditRecord } from "./audit-record.ts";
import type { ServicePart } from "./service-state.ts";

type Collected = Extract<AuditRecord, { readonly from: string }>;

interface Group {
  readonly head: object;
  readonly fromMs: number;
  readonly streams: number[][];
}

/** What happened to a resource at one or many clients at about the same time. */
export type CollectedHead = { readonly part: ServicePart } & (
  | { readonly kind: "told" | "kept"; readonly name: string; readonly version: string; readonly of: number }
  | {
      readonly kind: "refused";
      readonly name: string;
      readonly version: string;
      readonly of: number;
      readonly message: string;
    }
  | { readonly kind: "dropped"; readonly name: string }
  | { readonly kind: "began" }
);

/** Puts what is alike at many clients into one record, with a few numbers for each client. */
export class CollectedRecords {
  readonly #groups = new Map<string, Group>();

  /** @param timesMs since 1970, ascending. */
  add(head: CollectedHead, stream: number, ...timesMs: readonly number[]): void {
    const key = Object.values(head).join("\n");
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { head, fromMs: timesMs[0]!, streams: [] };
      this.#groups.set(key, group);
    }
    const { fromMs } = group;
    group.streams.push([stream, ...timesMs.map((ms) => ms - fromMs)]);
  }

  /** @returns them all, and begins anew. */
  take(): Collected[] {
    const records = [...this.#groups.values()].map(
      ({ head, fromMs, streams }) =>
        ({ ...head, from: new Date(fromMs).toISOString(), streams }) as unknown as Collected,
    );
    this.#groups.clear();
    return records;
  }
}
