import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { sameOutput } from "../../scripts/docs/same-output.ts";
import { ExecDoor } from "../cli/harness/exec-door.ts";
import { go } from "../clients/harness/go.ts";
import { REPOSITORY } from "../clients/harness/paths.ts";
import { until } from "../e2e/harness/until.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import { BoxShop, captured } from "./harness/box-shop.ts";
import { LAUNCHER } from "./harness/logged-program.ts";
import { boxSuite } from "./harness/missing-for-box.ts";

/** Of three endpoints: all calls at one, or spread. */
const [ALL_AT_ONE, SPREAD] = [3, 2.2];
const LIMIT_MS = 40_000;
const PAGE = readFileSync(join(REPOSITORY, "docs/first-namespace.md"), "utf8");

const SYSTEM = "isobar-system";
/** The proxy's Pod, as a DaemonSet would have called it. */
const PROXY_POD = "isobar-7k2xq";

/** What the page shows of a command, each time it does. */
function shownOf(typed: string): readonly string[] {
  const blocks = [...PAGE.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, body = ""]) => body);
  return blocks.flatMap((body) =>
    body
      .split(/^\$ /m)
      .filter((part) => part.startsWith(`${typed}\n`))
      .map((part) => part.slice(typed.length + 1)),
  );
}

describe("the first namespace, as its page says", boxSuite(), () => {
  let shop: BoxShop;
  let node: BoxNode;
  let load: BoxLoad;
  let door: ExecDoor;
  let kubeConfig = "";
  const times = new Map<string, number>();
  const others: string[] = [];

  before(async () => {
    shop = await BoxShop.open({ annotations: {} });
    node = shop.box.nodes[0]!;
    const pod = await shop.box.pod("shop", "client");
    await captured(node, pod, false);
    load = new BoxLoad(pod, go, "go", shop.echo);
    await becomes((skew) => skew === ALL_AT_ONE, "at one endpoint");
    await writeProxyPod();
    door = await ExecDoor.start(shop.box.api.port);
    door.admins.set(`${SYSTEM}/${PROXY_POD}`, `unix:${node.proxy.adminSocket}`);
    kubeConfig = door.kubeConfig("admin", "admin");
  });
  after(async () => {
    door?.close();
    await shop?.[Symbol.asyncDispose]();
  });

  /** By its labels the commands find it. */
  async function writeProxyPod(): Promise<void> {
    const { writer } = shop.box;
    const labels = { "app.kubernetes.io/name": "isobar", "app.kubernetes.io/component": "proxy" };
    const object = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { namespace: SYSTEM, name: PROXY_POD, labels },
    };
    const spec = { nodeName: node.name, containers: [{ name: "proxy", image: "isobar" }] };
    await writer.create({ ...object, spec });
    await writer.applyStatus({
      ...object,
      status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
    });
  }

  function becomes(isWanted: (skew: number) => boolean, what: string): Promise<number> {
    return until(
      `calls are ${what}`,
      async () => isWanted((await shop.skews(["go"], 500))["go"]!),
      () => node.trouble(),
      LIMIT_MS,
    );
  }

  /** Runs `isobar …` as somebody with a kubeconfig does, and holds it against the next place of the page that shows it. */
  async function shows(typed: string): Promise<void> {
    const [, ...args] = typed.split(" ");
    const env = { ...process.env, ISOBAR_ADMIN_ADDRESS: "", KUBECONFIG: kubeConfig, NO_COLOR: "1" };
    const child = spawn(process.execPath, [LAUNCHER, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    let printed = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
      });
    const code = await new Promise((resolve) => child.on("close", resolve));
    const time = times.get(typed) ?? 0;
    times.set(typed, time + 1);
    const shown = shownOf(typed)[time] ?? "";
    assert.equal(code, 0, printed);
    if (!sameOutput(shown, printed, true))
      others.push(`docs/first-namespace.md has\n${shown}but ${typed} printed\n${printed}`);
  }

  /** Afterwards, so that one run shows all that is otherwise. */
  function pageIsRight(): void {
    assert.equal(others.splice(0).join("\n"), "");
  }

  it("nothing of it is led to the proxy before it is annotated", async () => {
    await shows("isobar status -n shop");
    pageIsRight();
  });

  it("once it is, its calls are spread, without a restart", async () => {
    await shop.box.namespace("shop", { mode: "transparent", percent: "100" });
    await becomes((skew) => skew <= SPREAD, "spread");
    await shows("isobar status -n shop");
    await shows("isobar top -n shop --once");
    pageIsRight();
  });

  it("and they are back where they were after one command", async () => {
    await shows("isobar off -n shop");
    pageIsRight();
    const shown = PAGE.match(/^\$ isobar .*$/gm)?.length ?? 0;
    const run = [...times.values()].reduce((sum, each) => sum + each, 0);
    assert.equal(run, shown, "commands that the page shows, and that this test runs");
    await becomes((skew) => skew === ALL_AT_ONE, "at one endpoint");
    // Reset once when they were moved to the proxy; nothing fails on the way back.
    const { failed } = await load.finish();
    assert.ok(failed.length <= 6, JSON.stringify(failed));
  });
});
