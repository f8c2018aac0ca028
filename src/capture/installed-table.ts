import type { Counters } from "./nft.ts";
import { applyNft, deleteTable, listAlive } from "./nft.ts";
import { addRoute, removeRoute } from "./routes.ts";
import type { TableContent } from "./table-content.ts";
import type { Gate, Half } from "./table-text.ts";
import { contentChange, renewClosed, renewGate, restingTable, wholeTable } from "./table-text.ts";

/** Callers that fail closed are renewed this often, in milliseconds. */
const RENEW_CLOSED_MS = 60_000;

/** The table as this process has put it into the kernel, with its routes, and what has been counted over all times it was made anew. */
export class InstalledTable {
  readonly #name: string;
  #content: TableContent | undefined;
  #routes = new Set<string>();
  #closedAtMs = Number.NEGATIVE_INFINITY;
  #kernel: Counters = {};
  /** The half of the gate that was renewed last, and the private ports that both together may hold. */
  #half: Half = "";
  #alive: readonly number[] = [];
  readonly #totals = new Map<string, number>();

  /** @param name of the table; one of the family inet. */
  constructor(name: string) {
    this.#name = name;
  }

  /** @returns by private port the milliseconds that a capture before us has left established connections. */
  inherited(): Promise<Map<number, number>> {
    return listAlive(this.#name);
  }

  /** How often something was counted since this process began. */
  total(counter: string): number {
    return this.#totals.get(counter) ?? 0;
  }

  /** Makes routes that are missing; without them not even a canary comes to a proxy. @throws CommandFailure */
  async addRoutes(routes: ReadonlySet<string>): Promise<void> {
    for (const route of routes) {
      if (this.#routes.has(route)) continue;
      await addRoute(route);
      this.#routes.add(route);
    }
  }

  /**
   * Brings content and gate into the kernel in one transaction, and removes routes that nobody wants any more. Connections of a generation that is
   * not to live any more end with a second transaction, so that those of others are in one half of the gate all the time.
   *
   * @param more further commands for the same transaction.
   * @param holdsClosed whether callers that fail closed are renewed; without, they run out.
   * @throws CommandFailure; what was in force stays so, until the gate's time runs out.
   */
  async apply(
    content: TableContent,
    gate: Gate,
    routes: ReadonlySet<string>,
    holdsClosed: boolean,
    more: string,
  ): Promise<void> {
    const before = this.#content;
    const nowMs = performance.now();
    // Where connections are refused to is said in a rule and not in a set.
    const isAnew =
      before === undefined ||
      `${before.canary[4]} ${before.canary[6]}` !== `${content.canary[4]} ${content.canary[6]}`;
    const renewsClosed =
      !isAnew &&
      holdsClosed &&
      (nowMs - this.#closedAtMs > RENEW_CLOSED_MS ||
        `${before.closed[4]} ${before.closed[6]}` !== `${content.closed[4]} ${content.closed[6]}`);
    const [last, half]: [Half, Half] = this.#half === "" ? ["", "2"] : ["2", ""];
    const text = isAnew
      ? wholeTable(this.#name, content, gate)
      : `${contentChange(this.#name, before, content)}${renewsClosed ? renewClosed(this.#name, content.closed) : ""}${renewGate(this.#name, gate, half)}${more}`;
    // Should it fail half-way in a way we do not understand, the next one makes everything anew.
    this.#content = undefined;
    const counters = await applyNft(this.#name, text);
    this.#half = half;
    if (!isAnew && this.#alive.some((port) => !gate.aliveMs.has(port)))
      await applyNft(this.#name, renewGate(this.#name, gate, last));
    this.#alive = [...gate.aliveMs.keys()];
    this.#content = content;
    if (isAnew || renewsClosed) this.#closedAtMs = nowMs;
    for (const route of this.#routes) if (!routes.has(route)) await removeRoute(route);
    this.#routes = new Set(routes);
    this.#count(counters, isAnew);
  }

  /**
   * Leaves the node. Connections that stand go on: conntrack knows their addresses, and the routes stay where some may.
   *
   * @param keepsClosed whether callers that fail closed are refused some more minutes.
   */
  async leave(keepsClosed: boolean, keepsRoutes: boolean): Promise<void> {
    const content = this.#content;
    if (keepsClosed && content !== undefined) await applyNft(this.#name, restingTable(this.#name, content));
    else await deleteTable(this.#name);
    if (keepsRoutes || keepsClosed) return;
    for (const route of this.#routes) await removeRoute(route);
  }

  #count(counters: Counters, isAnew: boolean): void {
    for (const [name, value] of Object.entries(counters)) {
      const before = isAnew ? 0 : (this.#kernel[name] ?? 0);
      this.#totals.set(name, (this.#totals.get(name) ?? 0) + Math.max(value - before, 0));
    }
    this.#kernel = counters;
  }
}
