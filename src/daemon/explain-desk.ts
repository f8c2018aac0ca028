import type { WorkerPicks } from "../lb/record/pick-dump.ts";
import type { PickView } from "../lb/record/pick-view.ts";
import { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { ExplainAskMessage, ExplainedCluster, ExplainedMessage } from "./worker-messages.ts";

/** How long workers may take to answer; what has not come by then is left out. */
const ANSWER_LIMIT_MS = 1_000;

/** What one worker says when asked. */
export interface WorkerAccount extends WorkerPicks {
  /** The cluster that was asked for, as the worker has it now; undefined when it does not know it. */
  readonly cluster: ExplainedCluster | undefined;
}

/** What an {@link ExplainDesk} works with. */
export interface ExplainDeskOptions {
  readonly workerCount: number;
  readonly broadcast: (message: ExplainAskMessage) => void;
}

interface Question {
  readonly clusterSlot: number;
  readonly accounts: Map<number, WorkerAccount>;
  readonly answered: Promise<readonly WorkerAccount[]>;
  readonly finish: () => void;
}

/**
 * Asks the workers what they have recorded. One question at a time: a worker has a copy of its ring to make for each, and whoever asks
 * the same meanwhile gets the same answer.
 */
export class ExplainDesk {
  readonly #options: ExplainDeskOptions;
  #question: (Question & { readonly id: number }) | undefined;
  #asked = 0;

  constructor(options: ExplainDeskOptions) {
    this.#options = options;
  }

  /** @param clusterSlot of the cluster whose candidates of now are wanted too; -1 for none. */
  async ask(clusterSlot = -1): Promise<readonly WorkerAccount[]> {
    while (this.#question !== undefined) {
      const { clusterSlot: askedFor, answered } = this.#question;
      const accounts = await answered;
      if (askedFor === clusterSlot) return accounts;
    }
    return this.#ask(clusterSlot).answered;
  }

  /** Takes a worker's answer. */
  receive(worker: number, message: ExplainedMessage): void {
    const question = this.#question;
    if (question?.id !== message.id) return;
    question.accounts.set(worker, accountOf(worker, message));
    if (question.accounts.size === this.#options.workerCount) question.finish();
  }

  #ask(clusterSlot: number): Question {
    const { promise, resolve } = Promise.withResolvers<readonly WorkerAccount[]>();
    const accounts = new Map<number, WorkerAccount>();
    const id = ++this.#asked;
    const finish = (): void => {
      clearTimeout(limit);
      if (this.#question?.id === id) this.#question = undefined;
      resolve([...accounts.values()].sort((a, b) => a.worker - b.worker));
    };
    const limit = setTimeout(finish, ANSWER_LIMIT_MS);
    this.#question = { id, clusterSlot, accounts, answered: promise, finish };
    this.#options.broadcast({ kind: "explain-ask", id, clusterSlot });
    return this.#question;
  }
}

function accountOf(worker: number, message: ExplainedMessage): WorkerAccount {
  const { nowMs, wallMs, records, cluster } = message;
  const snapshots = new Map<SharedArrayBuffer, ClusterSnapshot>();
  const views = message.views.map((view): PickView => {
    let snapshot = snapshots.get(view.snapshot);
    if (snapshot === undefined) {
      snapshot = new ClusterSnapshot(view.snapshot);
      snapshots.set(view.snapshot, snapshot);
    }
    return { ...view, snapshot };
  });
  return { worker, nowMs, wallMs, records, views, cluster };
}
