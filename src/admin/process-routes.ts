import type { AdminRoute } from "./admin-route.ts";
import { json } from "./admin-route.ts";

/** What any process with an admin server can say of itself. */
export interface ProcessView {
  /** @returns why nobody should come here; undefined when one may. */
  notReadyReason(): string | undefined;
  stats(): Readonly<Record<string, number>>;
}

/**
 * The paths that probes and people find on every admin server, first in its index.
 *
 * @param docs what readiness depends on, and what is counted, in that process.
 */
export function processRoutes(docs: {
  readonly ready: string;
  readonly stats: string;
}): readonly AdminRoute<ProcessView>[] {
  return [
    {
      method: "GET",
      path: "/ready",
      doc: docs.ready,
      answer: (view) => {
        const reason = view.notReadyReason();
        return reason === undefined
          ? { status: 200, body: "ready\n" }
          : { status: 503, body: `not ready: ${reason}\n` };
      },
    },
    {
      method: "GET",
      path: "/healthz",
      doc: "200 as long as the process answers",
      answer: () => ({ status: 200, body: "ok\n" }),
    },
    {
      method: "GET",
      path: "/stats",
      doc: docs.stats,
      answer: (view, query) => {
        const stats = view.stats();
        if (query.get("format") === "json") return json(stats);
        const lines = Object.entries(stats).map(([name, value]) => `${name}: ${value}\n`);
        return { status: 200, body: lines.join("") };
      },
    },
  ];
}
