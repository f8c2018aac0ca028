import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "../../src/base/random.ts";
import type { KubeObject } from "../../src/kube/kube-object.ts";
import { ObjectStore } from "../../src/kube/object-store.ts";
import { PODS } from "../../src/kube/objects/pod-object.ts";
import { keptMetadata } from "../../src/kube/raw-object.ts";
import type { ReflectorTimes } from "../../src/kube/reflector.ts";
import { Reflector } from "../../src/kube/reflector.ts";
import { ReflectorStats } from "../../src/kube/reflector-stats.ts";
import type { ResourceKind } from "../../src/kube/resource-kind.ts";
import { createLog } from "../../src/telemetry/log.ts";
import type { Fault } from "./harness/scripted-api-server.ts";
import { refuse, ScriptedApiServer } from "./harness/scripted-api-server.ts";

const LIMIT_MS = 20_000;
const THINGS: ResourceKind<KubeObject> = {
  group: "example.org",
  version: "v1",
  kind: "Thing",
  plural: "things",
  optional: false,
  metadataOnly: false,
  pageSize: 2,
  decode: (raw) => {
    if ((raw as { readonly spec?: unknown }).spec === "nonsense") throw new Error("nonsense");
    return keptMetadata(raw);
  },
};

interface Rig {
  readonly server: ScriptedApiServer;
  readonly reflector: Reflector<KubeObject>;
  readonly stats: ReflectorStats;
  readonly told: string[];
  readonly log: string[];
  readonly names: () => string[];
}

/** A reflector at work. @param setUp says what the server has and does before it is asked. */
async function begin(
  t: TestContext,
  setUp: (server: ScriptedApiServer) => void,
  options: {
    readonly kind?: Partial<ResourceKind<KubeObject>>;
    readonly times?: Partial<ReflectorTimes>;
  } = {},
): Promise<Rig> {
  const server = await ScriptedApiServer.start();
  setUp(server);
  const told: string[] = [];
  const log: string[] = [];
  const store = new ObjectStore<KubeObject>({
    onChange: ({ verb, object }) => {
      told.push(`${verb} ${object.name}`);
      if (object.name === "bomb") throw new Error("a listener throws");
    },
    onFault: (error) => log.push(String(error)),
  });
  const stats = new ReflectorStats("Thing");
  const reflector = new Reflector({
    api: server.api,
    kind: { ...THINGS, ...options.kind },
    store,
    stats,
    log: createLog({ level: "info", stream: { write: (line) => void log.push(line) } }),
    random: new SeededRandom(3),
    times: { watchMs: 300_000, idleMs: 120_000, absentMs: 50, ...options.times },
  });
  t.after(async () => {
    await reflector.stop();
    await server.close();
  });
  reflector.start();
  return {
    server,
    reflector,
    stats,
    told,
    log,
    names: () => [...store.values()].map(({ name }) => name).sort(),
  };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS;
  while (!holds()) {
    assert.ok(performance.now() < untilMs, `${what}: not within ${LIMIT_MS} ms`);
    await sleep(5);
  }
}

/** Does it to the first request that asks for it. */
function once(isMeant: (query: URLSearchParams) => boolean, act: Fault): Fault {
  let done = false;
  return (asked, response) => {
    if (done || !isMeant(asked.query)) return false;
    done = true;
    return act(asked, response);
  };
}

const isStreamedList = (query: URLSearchParams) => query.get("sendInitialEvents") === "true";
const isWatch = (query: URLSearchParams) => query.get("watch") === "1" && query.has("resourceVersion");

describe("Reflector", () => {
  it("takes a streamed list, is synced then, and follows what happens", async (t) => {
    const { server, reflector, names, told, stats } = await begin(t, (api) => {
      api.write("a");
      api.write("b");
    });
    await reflector.synced;
    assert.deepEqual(names(), ["a", "b"]);
    server.write("c");
    server.write("a");
    server.delete("b");
    await until("all heard", () => told.length === 5);
    assert.deepEqual(told, ["ADDED a", "ADDED b", "ADDED c", "MODIFIED a", "DELETED b"]);
    assert.deepEqual([stats.lists, stats.watches, stats.events, stats.objects], [1, 1, 3, 2]);
    const [first] = server.asked;
    assert.equal(first?.query.get("allowWatchBookmarks"), "true");
    const seconds = Number(first?.query.get("timeoutSeconds"));
    assert.ok(seconds >= 300 && seconds <= 600, String(seconds));
  });

  it("asks for metadata only where that is all it needs", async (t) => {
    const { server, reflector } = await begin(t, () => {}, { kind: { metadataOnly: PODS.metadataOnly } });
    await reflector.synced;
    assert.match(server.asked[0]?.accept ?? "", /as=PartialObjectMetadata;g=meta\.k8s\.io;v=v1/);
  });

  it("lists in pages where the server cannot stream", async (t) => {
    const { server, reflector, names } = await begin(t, (api) => {
      for (const name of ["a", "b", "c", "d", "e"]) api.write(name);
      api.fault = ({ query }, response) =>
        isStreamedList(query) && refuse(response, 422, "Invalid", "sendInitialEvents is forbidden");
    });
    await reflector.synced;
    assert.deepEqual(names(), ["a", "b", "c", "d", "e"]);
    const lists = server.asked.filter(({ query }) => query.get("watch") !== "1");
    assert.deepEqual(
      lists.map(({ query }) => query.get("continue")),
      [null, "2", "4"],
    );
    await until("a watch", () => server.watches === 1);
    assert.equal(server.asked.at(-1)?.query.get("resourceVersion"), "105");
  });

  it("is not synced by half a list", async (t) => {
    const { reflector, names, told } = await begin(t, (api) => {
      for (const name of ["a", "b", "c"]) api.write(name);
      api.fault = once(isStreamedList, (_, response) => {
        const object = { metadata: { name: "a", namespace: "shop", uid: "uid-a", resourceVersion: "101" } };
        response.write(`${JSON.stringify({ type: "ADDED", object })}\n`, () => response.destroy());
        return true;
      });
    });
    await reflector.synced;
    assert.deepEqual(names(), ["a", "b", "c"]);
    assert.equal(told.length, 3);
  });

  it("goes on from the last version when the connection breaks, bookmarks included", async (t) => {
    const { server, reflector, told } = await begin(t, (api) => api.write("a"));
    await reflector.synced;
    server.say({ type: "BOOKMARK", object: { metadata: { resourceVersion: "150" } } });
    await sleep(20);
    server.end(false);
    await until("another watch", () => server.watches === 1);
    assert.equal(server.asked.at(-1)?.query.get("resourceVersion"), "150");
    server.write("b");
    await until("b", () => told.includes("ADDED b"));
    assert.deepEqual(told, ["ADDED a", "ADDED b"]);
  });

  it("waits out errors of the server, as long as it is told to, and forgets nothing meanwhile", async (t) => {
    const { server, reflector, names, stats, log } = await begin(t, (api) => api.write("a"));
    await reflector.synced;
    server.fault = once(isWatch, (_, response) =>
      refuse(response, 429, "TooManyRequests", "storage is (re)initializing", { "retry-after": "1" }),
    );
    server.end(true);
    const startedMs = performance.now();
    await until("an error", () => stats.errors === 1);
    assert.deepEqual(names(), ["a"]);
    await until("another watch", () => server.watches === 1);
    assert.ok(performance.now() - startedMs >= 990, "Retry-After was not kept");
    assert.match(log.join(), /storage is \(re\)initializing/);
  });

  const EXPIRED = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" };
  const EXPIRIES: readonly (readonly [string, (server: ScriptedApiServer) => void])[] = [
    ["in the watch", (server) => server.say({ type: "ERROR", object: EXPIRED })],
    [
      "as an answer",
      (server) => {
        server.fault = once(isWatch, (_, response) => refuse(response, 410, "Expired", "too old"));
        server.end(true);
      },
    ],
  ];
  for (const [name, expire] of EXPIRIES) {
    it(`lists anew after 410 ${name}, and tells what it had missed, deletions too`, async (t) => {
      const { server, reflector, told, stats } = await begin(t, (api) => {
        api.write("a");
        api.write("b");
      });
      await reflector.synced;
      server.delete("a", false);
      server.writeUnheard("b");
      server.writeUnheard("c");
      told.length = 0;
      expire(server);
      await until("all heard", () => told.length === 3);
      assert.deepEqual(told, ["DELETED a", "MODIFIED b", "ADDED c"]);
      assert.deepEqual([stats.expired, stats.lists, stats.errors], [1, 2, 0]);
    });
  }

  it("lists anew when the server's versions have gone back, as after a restored etcd", async (t) => {
    const { server, reflector, stats } = await begin(t, (api) => api.write("a"));
    await reflector.synced;
    server.fault = once(isWatch, (_, response) => {
      const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
      response.writeHead(504, { "content-type": "application/json" });
      response.end(JSON.stringify({ kind: "Status", code: 504, reason: "Timeout", details: { causes } }));
      return true;
    });
    server.end(true);
    await until("another list", () => stats.lists === 2);
  });

  it("gives up a watch that says nothing for too long", async (t) => {
    const { server, reflector, stats } = await begin(t, (api) => api.write("a"), { times: { idleMs: 300 } });
    await reflector.synced;
    await until("another watch", () => stats.watches >= 2);
    await until("only one watch is open", () => server.watches <= 1);
    assert.equal(stats.lists, 1);
  });

  it("goes on when a listener throws, or an object cannot be read", async (t) => {
    const { server, reflector, told, log, stats, names } = await begin(t, (api) => api.write("a"));
    await reflector.synced;
    server.write("bomb");
    server.write("a", { spec: "nonsense" });
    server.write("b");
    await until("b", () => told.includes("ADDED b"));
    assert.deepEqual(names(), ["a", "b", "bomb"]);
    assert.equal(stats.unreadable, 1);
    assert.match(log.join(), /a listener throws/);
    assert.match(log.join(), /cannot be read/);
  });

  it("takes a kind that is not installed for empty, and finds it when it is", async (t) => {
    const { server, reflector, names, told } = await begin(
      t,
      (api) => {
        api.fault = (_, response) => refuse(response, 404, "NotFound", "the server could not find it");
      },
      { kind: { optional: true } },
    );
    await reflector.synced;
    assert.deepEqual(names(), []);
    server.fault = () => false;
    server.write("a");
    await until("a", () => told.includes("ADDED a"));
  });

  it("believes that a kind is gone only when it is said several times", async (t) => {
    const { server, reflector, names, told } = await begin(t, (api) => api.write("a"), {
      kind: { optional: true },
      times: { absentMs: 200 },
    });
    await reflector.synced;
    let refusals = 0;
    server.fault = (_, response) => {
      refusals++;
      return refuse(response, 404, "NotFound", "no such kind");
    };
    server.end(true);
    await until("one refusal", () => refusals === 1);
    await sleep(20);
    assert.deepEqual(names(), ["a"]);
    await until("it is believed", () => told.includes("DELETED a"));
    assert.ok(refusals >= 3, String(refusals));
  });

  it("waits for a kind that must be there, and is not synced before", async (t) => {
    const { server, reflector, stats } = await begin(t, (api) => {
      api.fault = (_, response) => refuse(response, 403, "Forbidden", "not yours");
    });
    await until("an error", () => stats.errors >= 1);
    assert.equal(reflector.hasSynced, false);
    server.fault = () => false;
    await reflector.synced;
  });

  it("leaves nothing open when it is stopped, even in the middle of a list", async (t) => {
    const { server, reflector } = await begin(t, (api) => {
      api.fault = ({ query }) => query.get("watch") === "1";
    });
    await until("it has asked", () => server.asked.length === 1);
    await reflector.stop();
    await sleep(50);
    assert.equal(server.asked.length, 1);
    assert.equal(server.watches, 0);
  });
});
