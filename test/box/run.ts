// A cluster in a box to look at and to break: until Ctrl-C. See README.md.
import { once } from "node:events";
import { parseArgs } from "node:util";
import { go } from "../clients/harness/go.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { BoxShop, DOOR } from "./harness/box-shop.ts";
import { missingForBox } from "./harness/missing-for-box.ts";

const USAGE = `usage: npm run box -- [options]
  --nodes N      how many nodes, 1 to 9 (default 2)
  --backends N   how many echo servers the Service echo in the namespace shop has (default 3)
  --mode MODE    isobar.dev/mode of the namespace: transparent, address, proxy-env or off (default transparent)
  --plain        without Isobar
  --load         a Go client that calls the Service's ClusterIP all the time
  --help
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      nodes: { type: "string", default: "2" },
      backends: { type: "string", default: "3" },
      mode: { type: "string", default: "transparent" },
      plain: { type: "boolean", default: false },
      load: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const missing = missingForBox();
  if (missing !== undefined) {
    process.stderr.write(`box: ${missing}\n`);
    return 69;
  }
  await using shop = await BoxShop.open({
    nodes: Number(values.nodes),
    backends: Number(values.backends),
    annotations: { mode: values.mode },
    isobar: !values.plain,
  });
  const client = await shop.box.pod("shop", "client");
  if (values.load) void new BoxLoad(client, go, "client", shop.echo);
  process.stdout.write(describe(shop, client));
  const signals = ["SIGINT", "SIGTERM"] as const;
  // Those of the harness end the process before anything could be removed.
  for (const signal of signals) process.removeAllListeners(signal);
  await Promise.race(signals.map((signal) => once(process, signal)));
  return 0;
}

function describe(shop: BoxShop, client: BoxPod): string {
  const { box, echo, backends } = shop;
  const echoProgram = go.program.command;
  const enter = `nsenter --net=/run/netns/${client.machine.name}`;
  const pods = [client, ...backends].map(
    (pod) =>
      `  ${pod.name.padEnd(10)} ${pod.node}  ${pod.addresses.join(", ").padEnd(28)} /run/netns/${pod.machine.name}`,
  );
  const nodes = box.nodes.map(
    (node) =>
      `  ${node.name.padEnd(10)} ${node.network.addresses.join(", ").padEnd(28)} /run/netns/${node.network.namespace.name}`,
  );
  return `
nodes
${nodes.join("\n")}
Pods of the namespace shop
${pods.join("\n")}
Service echo.shop   ${echo.target}, ${echo.target6}; the nodes' stable address is ${DOOR}

logs, configurations, admin sockets   ${box.folder}
API server                            kubectl --kubeconfig ${box.api.kubeConfig} get pods -n shop
control plane                         ${box.controlPlane === undefined ? "none" : `curl http://${box.controlPlane.admin}/xds/status`}
a shell in the client's Pod           ${enter} bash
300 calls from there                  ${enter} ${echoProgram} call --target ${echo.target} --authority ${echo.authority} --only spread
a node's tables                       nsenter --net=/run/netns/${box.nodes[0]!.network.namespace.name} nft list ruleset
opt out                               kubectl --kubeconfig ${box.api.kubeConfig} annotate namespace shop isobar.dev/mode=off --overwrite

Ctrl-C ends it and removes everything.
`;
}

process.exitCode = await main();
