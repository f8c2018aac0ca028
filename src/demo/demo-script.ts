import { CHANNELS, SLOW_FACTOR } from "./demo-options.ts";
import type { DemoPlan } from "./demo-plan.ts";
import type { DemoBackend, DemoStage } from "./demo-stage.ts";
import type { ShownPart } from "./demo-summary.ts";
import type { ViewBackend } from "./view-block.ts";

/** One part of the demo: what is shown for how long, and what happens in it. */
export interface PartScript extends Omit<ShownPart, "tally" | "backends"> {
  readonly title: string;
  readonly durationMs: number;
  readonly backends: readonly ViewBackend[];
  /** Makes ready what {@link change} needs; called in the pause before the part. */
  readonly prepare: () => Promise<void>;
  /** Makes the change that this part is about; called when it has begun. */
  readonly change: () => Promise<void>;
  /** Undoes the change if the next part needs that; called when the part is over. */
  readonly restore: () => void;
}

/**
 * @param sleep waits, and rejects when the demo is interrupted.
 * @returns the four parts of the demo, in order.
 */
export function demoScript(
  stage: DemoStage,
  plan: DemoPlan,
  sleep: (ms: number) => Promise<unknown>,
): PartScript[] {
  const six = [...stage.backends];
  const [slow, dead] = typicalBackends(stage);
  const addedName = `${dead.name.charAt(0)}3`;
  let added: DemoBackend | undefined;
  const view = (note: ViewBackend["note"], subject?: DemoBackend) =>
    six.map(({ name, zone }): ViewBackend => ({ name, zone, note: name === subject?.name ? note : "" }));
  const [healthyMs, slowMs, killedMs, addedMs] = plan.partsMs;
  const quiet = { prepare: async () => {}, change: async () => {}, restore: () => {} };
  return [
    {
      ...quiet,
      kind: "healthy",
      label: "all six healthy",
      subject: "",
      title: "1 of 4: six healthy backends",
      durationMs: healthyMs,
      backends: view(""),
    },
    {
      ...quiet,
      kind: "slow",
      label: `${slow.name} ${SLOW_FACTOR} x slower`,
      subject: slow.name,
      title: `2 of 4: ${slow.name} needs ${SLOW_FACTOR} times as long for each call`,
      durationMs: slowMs,
      backends: view("slow", slow),
      change: async () => stage.slow(slow, SLOW_FACTOR),
      restore: () => stage.slow(slow, 1),
    },
    {
      ...quiet,
      kind: "killed",
      label: `${dead.name} killed`,
      subject: dead.name,
      title: `3 of 4: ${slow.name} is well again, ${dead.name} was killed`,
      durationMs: killedMs,
      backends: view("dead", dead),
      change: async () => {
        await stage.kill(dead);
        await sleep(plan.noticeMs);
        stage.remove(dead);
      },
    },
    {
      ...quiet,
      kind: "added",
      label: `${addedName} added`,
      subject: addedName,
      title: `4 of 4: a new backend, ${addedName}, written into the control plane's file`,
      durationMs: addedMs,
      backends: [
        ...view("").filter(({ name }) => name !== dead.name),
        { name: addedName, zone: dead.zone, note: "new" },
      ],
      prepare: async () => {
        added = await stage.startBackend(addedName, dead.zone);
      },
      change: async () => stage.add(added!),
    },
  ];
}

/**
 * The two backends whose number of pinned connections is nearest to the mean: making one slow that happens to have
 * none, or most of them, would show the luck of the draw instead of the difference.
 */
function typicalBackends(stage: DemoStage): [DemoBackend, DemoBackend] {
  const connections = stage.connections();
  const mean = CHANNELS / stage.backends.length;
  const distance = ({ name }: DemoBackend) => Math.abs((connections.get(name) ?? 0) - mean);
  const [first, second] = [...stage.backends].sort((one, other) => distance(one) - distance(other));
  return [first!, second!];
}
