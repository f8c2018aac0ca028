import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serialize } from "node:v8";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { RoutePublisher } from "../../src/daemon/route-publisher.ts";
import type { MainToWorker, RoutesMessage } from "../../src/daemon/worker-messages.ts";
import type { RouteGroup } from "../../src/resource/route.ts";
import { PLAIN_ROUTE } from "../route/route-fixture.ts";

function publish() {
  const sent: RoutesMessage[] = [];
  const names: string[] = [];
  const publisher = new RoutePublisher({
    workerCount: 1,
    broadcast: (message: MainToWorker) => sent.push(message as RoutesMessage),
    onSeries: ({ route, cluster }) => names.push(`${route} ${cluster}`),
  });
  return { publisher, sent, names };
}

function group(n: number, cluster = `c${n}`): RouteGroup {
  const authorities = [`s${n}.shop.svc.cluster.local:50051`, `s${n}.shop:50051`];
  const clusters = [{ name: cluster, weight: 1 }];
  return {
    key: `g${n}`,
    routes: ["first", "second"].map((name) => ({
      ...PLAIN_ROUTE,
      name: `${name} ${n}`,
      authorities,
      clusters,
    })),
  };
}

/** What is copied to each worker. */
const octetsOf = ({ counters, ...message }: RoutesMessage): number => serialize(message).length;

describe("RoutePublisher", () => {
  it("sends a further group alone, however many there are", () => {
    const { publisher, sent } = publish();
    publisher.discover({ changed: [group(0)], gone: [] });
    assert.deepEqual(sent[0]?.configuration?.routes, [], "first comes what groups are looked at after");
    publisher.discover({ changed: [group(1)], gone: [] });
    const one = octetsOf(sent[1]!);
    publisher.discover({ changed: Array.from({ length: 1_000 }, (_, n) => group(n)), gone: [] });
    publisher.discover({ changed: [group(1)], gone: ["g7"] });
    const last = sent.at(-1)!;
    assert.ok(Math.abs(octetsOf(last) - one) < 20, `${octetsOf(last)} octets, ${one} of one`);
    assert.equal(last.configuration, undefined);
    assert.deepEqual(last.gone, ["g7"]);
    assert.equal(publisher.configuration?.routes.length, 1_998);
    // Beyond 512 series all are counted together.
    assert.deepEqual(last.groups?.[0]?.series, [[3], [4]]);
  });

  it("has a worker that takes a dead one's place know all of it", () => {
    const { publisher, sent } = publish();
    assert.equal(publisher.message, undefined);
    publisher.discover({ changed: [group(0), group(1)], gone: [] });
    publisher.discover({ changed: [group(1, "other")], gone: ["g0"] });
    const { configuration, groups = [] } = publisher.message!;
    assert.ok(configuration !== undefined);
    assert.deepEqual(
      groups.map(({ key, routes }) => [key, routes[0]?.clusters[0]?.name]),
      [["g1", "other"]],
    );
    assert.deepEqual(groups[0]?.series, sent[1]?.groups?.[0]?.series);
  });

  it("sends a configuration's routes when they differ, with all groups behind them", () => {
    const { publisher, sent } = publish();
    const config = (name: string): Config => {
      const routes = [{ name, authorities: ["a:1"], clusters: [{ name: "c:1" }] }];
      const text = JSON.stringify({
        listeners: [{ name: "local", address: "127.0.0.1:15001" }],
        clusters: [{ name: "c:1", endpoints: [] }],
        routes,
      });
      const parsed = parseConfig(text, { file: "proxy.yaml", env: {} });
      assert.deepEqual(parsed.problems ?? [], []);
      return parsed.config!;
    };
    const [first, second] = [config("one"), config("two")];
    publisher.discover({ changed: [group(0)], gone: [] });
    publisher.apply(first);
    publisher.apply(first);
    publisher.apply(second);
    assert.deepEqual(
      sent.slice(1).map(({ configuration, groups }) => [configuration?.routes[0]?.name, groups?.length]),
      [
        ["one", 1],
        ["two", 1],
      ],
    );
    assert.equal(new Set([sent[1]!, sent[2]!].map(({ counters }) => counters)).size, 1);
    const { version } = publisher.configuration!;
    publisher.discover({ changed: [], gone: ["g0"] });
    assert.notEqual(publisher.configuration!.version, version);
  });
});
