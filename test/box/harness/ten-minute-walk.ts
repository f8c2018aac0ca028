import type { Series } from "../../cli/harness/recorded-prometheus.ts";
import { RecordedPrometheus } from "../../cli/harness/recorded-prometheus.ts";
import { until } from "../../e2e/harness/until.ts";
import { current } from "./box-shop.ts";
import type { TenMinuteStage } from "./ten-minute-stage.ts";
import type { Transcript } from "./transcript.ts";

/** Most calls of three endpoints, relative to the mean: all at one; or spread, though streams that stand keep others away. */
const [ALL_AT_ONE, SPREAD] = [3, 2.2];
/** Calls that are made before anything is judged. */
const CALLS = 1_000;
/** Within which channels call again when the proxy is dead, and a namespace is off. */
const PROMISED_MS = 5_000;
const WATCH_MS = 6_000;
/** A connection has six calls open at most, and is reset twice: to come to the proxy, and when that is killed. Three more for the way back after that. */
const MOST_LOST = 18;

/** Walks through the first ten minutes of Isobar: before, with and after it. Each expectation that does not hold is in the transcript. */
export async function walkTenMinutes(stage: TenMinuteStage, told: Transcript): Promise<void> {
  const steps = [assess, preflight, install, before, optIn, explain, status, breakIt, off, uninstall];
  for (const step of steps) {
    await step(stage, told);
    told.done();
  }
}

async function assess(stage: TenMinuteStage, told: Transcript): Promise<void> {
  told.step(
    "What is there to gain?",
    "The Pods' own counters, as a Prometheus has them, tell which services are uneven. The client's one connection puts all its calls on one Pod of three.",
  );
  await until(
    `${CALLS} calls`,
    () => stage.calls >= CALLS,
    () => stage.node.trouble(),
    60_000,
  );
  const series = Object.entries(stage.shop.calls("go")).map(([pod, count]): Series => {
    const labels = { namespace: "shop", pod, service: "echo", grpc_method: "Unary", grpc_code: "OK" };
    return { metric: "grpc_server_handled_total", labels, rate: count / 60 };
  });
  await using prometheus = await RecordedPrometheus.start(series);
  const printed = await told.run(
    `isobar assess --prometheus ${prometheus.url} --window 30m`,
    stage.surroundings,
  );
  told.expect(
    /^shop\/echo +3 .* 3\.00 /m.test(printed),
    "it finds the Service, with all load at one Pod of three",
  );
}

async function preflight({ surroundings }: TenMinuteStage, told: Transcript): Promise<void> {
  told.step("Will it work?", "Only the API server is asked; nothing is installed yet.");
  const printed = await told.run("isobar doctor --preflight -n shop", surroundings);
  told.expect(/^✓ kernel/m.test(printed) && !/^✗/m.test(printed), "nothing stands in the way");
}

async function install(stage: TenMinuteStage, told: Transcript): Promise<void> {
  told.step(
    "Install",
    "`isobar.yaml` is what `kubectl kustomize deploy/overlays/default` makes, without the PodDisruptionBudget, of which this API server has no kind. Then the harness does what controllers and kubelets would: it starts control plane, proxy and capture.",
  );
  const file = stage.writeInstallation();
  // The box has begun with the product's permissions.
  await told.run(`kubectl apply --server-side --force-conflicts -f ${file}`, stage.surroundings);
  await stage.startPrograms();
  const printed = await told.run("isobar status", stage.surroundings);
  told.expect(/^node-1 .* yes +on +g1 /m.test(printed), "the node's proxy is ready, and capture is on");
}

async function before(stage: TenMinuteStage, told: Transcript): Promise<void> {
  told.step("Nothing is redirected yet", "No namespace has opted in.");
  await told.run("isobar top -n shop --once", stage.surroundings);
  const skew = await stage.becomes((each) => each === ALL_AT_ONE, "at one Pod");
  told.expect(skew === ALL_AT_ONE, `the Pods' own counters: MAX/MEAN ${skew.toFixed(2)}`);
}

async function optIn(stage: TenMinuteStage, told: Transcript): Promise<void> {
  told.step("One annotation", "No Pod is restarted, and the client's open connection is moved.");
  const mode = "isobar.dev/mode=transparent isobar.dev/percent=100";
  await told.run(`kubectl annotate namespace shop ${mode}`, stage.surroundings);
  const skew = await stage.becomes((each) => each <= SPREAD, "spread");
  const printed = await told.run("isobar top -n shop --once", stage.surroundings);
  told.expect(/^echo\.shop:50051 +[1-9]/m.test(printed), "top sees the calls");
  told.expect(skew <= SPREAD, `the Pods' own counters: MAX/MEAN ${skew.toFixed(2)}`);
}

async function explain({ inProxy }: TenMinuteStage, told: Transcript): Promise<void> {
  told.step(
    "Why that Pod?",
    "Within the proxy's container, as by `kubectl exec`. All picks are recorded here: `explain.sample` is 1.",
  );
  const printed = await told.run("isobar explain echo.shop:50051 --last 1", inProxy);
  told.expect(/ -> \S+ of 3 in tier /.test(printed), "a pick has its candidates, what was drawn and who won");
}

async function status({ surroundings }: TenMinuteStage, told: Transcript): Promise<void> {
  told.step("How is it?", "Nodes, and the namespaces that have opted in.");
  const printed = await told.run("isobar status -n shop", surroundings);
  told.expect(
    /^shop +transparent +4 of 4 /m.test(printed),
    "all four Pods of the namespace come through the proxy",
  );
}

async function breakIt(stage: TenMinuteStage, told: Transcript): Promise<void> {
  told.step("Kill it", "The proxy dies on the spot, at work. Then the kubelet starts another one.");
  const { node } = stage;
  await told.run(`kill -9 ${node.proxy.program.pid}`, stage.surroundings);
  const gapMs = (await stage.shop.longestGaps(["go"], WATCH_MS))["go"]!;
  told.expect(gapMs <= PROMISED_MS, `calls go on: the longest time without a new one was ${gapMs} ms`);
  const next = node.startProxy({ more: { explain: { sample: 1 } } });
  stage.nameProxy();
  await current(node, next.generation);
  const skew = await stage.becomes((each) => each <= SPREAD, "spread again");
  told.expect(true, `and they are spread again by the next one: MAX/MEAN ${skew.toFixed(2)}`);
}

async function off(stage: TenMinuteStage, told: Transcript): Promise<void> {
  told.step("Back", "One command, which waits until the nodes have done it.");
  const printed = await told.run("isobar off -n shop", stage.surroundings);
  const [, seconds = "NaN"] = /in (\d+\.\d) s$/m.exec(printed) ?? [];
  told.expect(Number(seconds) * 1_000 <= PROMISED_MS, "new connections are on kube-proxy's path within 5 s");
  const skew = await stage.becomes((each) => each === ALL_AT_ONE, "at one Pod");
  told.expect(true, `and the open one, too: MAX/MEAN ${skew.toFixed(2)}`);
}

async function uninstall(stage: TenMinuteStage, told: Transcript): Promise<void> {
  told.step(
    "Out",
    "What is in the namespace goes with it in a cluster that has controllers; the programs end as their Pods do.",
  );
  await told.run("kubectl delete --wait=false -f isobar.yaml", stage.surroundings);
  await stage.stopPrograms();
  const kinds = "customresourcedefinitions,mutatingwebhookconfigurations,clusterroles,clusterrolebindings";
  const found = await told.run(`kubectl get ${kinds} -o name`, stage.surroundings);
  told.expect(!/isobar/.test(found), "nothing of it is left among what belongs to the whole cluster");
  const changes = stage.kernelChanges();
  told.expect(
    changes.length === 0,
    `the node's tables, addresses, rules and routes are as before${changes.length === 0 ? "" : `, but for ${changes.join("; ")}`}`,
  );
  const { failed, unary } = await stage.load.finish();
  told.expect(failed.length <= MOST_LOST, `of ${unary} calls in all this time ${failed.length} failed`);
}
