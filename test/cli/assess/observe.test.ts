import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import type { NodeObservation } from "../../../src/cli/assess/observe-node.ts";
import { observeNode } from "../../../src/cli/assess/observe-node.ts";
import { observeText } from "../../../src/cli/assess/observe-text.ts";
import { parseConntrack } from "../../../src/cli/assess/tracked-connections.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";

const { CI = "" } = process.env;
const LIMIT_MS = 60_000;
const canTry = spawnSync("unshare", ["-n", "nft", "list", "ruleset"]).status === 0;
if (!canTry && CI !== "") throw new Error("wanted root, unshare and nft");

/** As kube-proxy does it: the Service's address becomes an endpoint's, five of six times the first one's. */
const RULES = `table ip proxy {
  chain output {
    type nat hook output priority -100;
    ip daddr 10.96.0.10 tcp dport 80 dnat to numgen inc mod 6 map { 0 : 10.0.0.1, 1 : 10.0.0.1, 2 : 10.0.0.1, 3 : 10.0.0.1, 4 : 10.0.0.1, 5 : 10.0.0.2 } : 50051
  }
}`;

/** Six channels to a Service of two endpoints, and one connection to no Service. */
const STAGE = `
import { execFileSync } from "node:child_process";
import { createServer, connect } from "node:net";
import { once } from "node:events";
const server = createServer();
server.listen(50051, "0.0.0.0");
await once(server, "listening");
for (let i = 0; i < 6; i++) await once(connect(80, "10.96.0.10"), "connect");
await once(connect(50051, "127.0.0.1"), "connect");
process.stdout.write(execFileSync(process.execPath, ["src/cli/launch.mjs", "assess", "--observe", "-o", "json"]));
process.exit();
`;

test("of a node's open connections it shows channels per client and how uneven they are", {
  skip: canTry ? false : "it takes root, unshare and nft",
  timeout: LIMIT_MS,
}, () => {
  const network =
    "ip link set lo up; for a in 10.96.0.10 10.0.0.1 10.0.0.2; do ip addr add $a/32 dev lo; done";
  const script = `set -e; ${network}; printf %s "$RULES" | nft -f -; exec "$NODE" --input-type=module -e "$STAGE"`;
  const env = { ...process.env, RULES, STAGE, NODE: process.execPath };
  const ended = spawnSync("unshare", ["-n", "sh", "-c", script], { cwd: REPOSITORY, env, encoding: "utf8" });
  assert.equal(ended.status, 0, ended.stderr);
  const view = JSON.parse(ended.stdout) as NodeObservation;
  assert.deepEqual(
    view.services.map(({ service, channels, clients, mostPerClient, used, endpoints, bestMode }) => ({
      service,
      channels,
      clients,
      mostPerClient,
      used,
      endpoints,
      bestMode,
    })),
    [
      {
        service: "10.96.0.10:80",
        channels: 6,
        clients: 1,
        mostPerClient: 6,
        used: 2,
        endpoints: null,
        bestMode: "transparent",
      },
    ],
  );
  assert.equal(view.services[0]!.maxOverMean.toFixed(2), "1.67");
});

const LINES = `ipv4     2 tcp      6 431999 ESTABLISHED src=10.1.0.5 dst=10.96.0.10 sport=40000 dport=80 src=10.0.0.1 dst=10.1.0.5 sport=50051 dport=40000 [ASSURED] mark=0 use=1
tcp      6 431998 ESTABLISHED src=10.1.0.6 dst=10.96.0.10 sport=40001 dport=80 src=10.0.0.1 dst=10.1.0.6 sport=50051 dport=40001 [ASSURED] mark=0 use=1
tcp      6 90 TIME_WAIT src=10.1.0.6 dst=10.96.0.10 sport=40002 dport=80 src=10.0.0.1 dst=10.1.0.6 sport=50051 dport=40002 [ASSURED] mark=0 use=1
udp      17 20 src=10.1.0.6 dst=10.96.0.2 sport=5353 dport=53 src=10.0.0.9 dst=10.1.0.6 sport=53 dport=5353 mark=0 use=1
ipv6     10 tcp      6 300 ESTABLISHED src=fd01:0000:0000:0000:0000:0000:0000:0005 dst=fd02:0000:0000:0000:0000:0000:0000:0001 sport=4 dport=80 src=fd03:0000:0000:0000:0000:0000:0000:0001 dst=fd01:0000:0000:0000:0000:0000:0000:0005 sport=50051 dport=4 [ASSURED] use=2
tcp      6 431998 ESTABLISHED src=10.1.0.6 dst=10.96.0.10 sport=40003 dport=80 src=169.254.77.1 dst=10.1.0.6 sport=15001 dport=40003 [ASSURED] mark=0 use=1
`;

test("reads both forms of the listing: only what is open, TCP and a Service's; Isobar's own is told apart", () => {
  const connections = parseConntrack(LINES);
  assert.equal(connections.length, 4);
  const known = {
    name: "shop/echo",
    endpoints: ["10.0.0.1:50051", "10.0.0.2:50051", "10.0.0.3:50051", "10.0.0.4:50051"],
    isHeadless: true,
  };
  const { services, notes } = observeNode(connections, new Map([["10.96.0.10:80", known]]), undefined);
  const [first, second] = services;
  assert.deepEqual(
    [first!.service, first!.channels, first!.used, first!.endpoints, first!.maxOverMean],
    ["shop/echo:80", 2, 1, 4, 4],
  );
  assert.equal(second!.service, "[fd02::1]:80");
  assert.match(notes.join(), /^1 connections that come to or from Isobar$/);
  const text = observeText({ services, notes });
  assert.match(
    text,
    /^shop\/echo:80 +2 +2 +1\.0 +1 +1 of 4 +4\.00 +1\.73 +address or proxy-env \(headless\)$/m,
  );
  const only = observeNode(connections, new Map([["10.96.0.10:80", known]]), "bank");
  assert.equal(only.services.length, 0);
});
