// The attacker: a process of its own, told over IPC what to do. It ends with its parent.
import type { Attack, AttackOrder, AttackReport } from "./attack.ts";
import { ATTACKS } from "./attacks.ts";
import { RunningAttack } from "./running-attack.ts";

let running: RunningAttack | undefined;

process.on("message", (order: AttackOrder) => {
  let report: AttackReport | undefined;
  if (order.kind === "start") {
    const attack: Attack | undefined = (ATTACKS as Readonly<Record<string, Attack>>)[order.attack];
    if (attack === undefined) throw new Error(`no such attack: ${order.attack}`);
    running = new RunningAttack(attack, order, order.framesPerConnection);
  } else if (order.kind === "report") {
    report = running?.report();
  } else {
    report = running?.stop();
    running = undefined;
  }
  process.send!(report ?? null);
});
process.on("disconnect", () => process.exit());
process.send!("ready");
