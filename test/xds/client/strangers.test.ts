import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Cluster } from "../../../src/resource/cluster.ts";
import { CLUSTER_DEFAULTS } from "../../../src/resource/cluster.ts";
import { ENDPOINT_DEFAULTS, endpointKey } from "../../../src/resource/endpoint.ts";
import { PublishedClusters } from "../../../src/xds/client/published-clusters.ts";
import type { ResourceLookup } from "../../../src/xds/client/resolve-authority.ts";
import type { ResourceEntry } from "../../../src/xds/client/resource-entry.ts";
import type { AssignedEndpoint, LoadAssignment } from "../../../src/xds/resources/load-assignment.ts";
import { TYPE_URL } from "../../../src/xds/resources/type-url.ts";
import type { ClusterResource } from "../../../src/xds/resources/xds-resource.ts";

const HOLD_MS = 10_000;

/** Clusters whose assignments the test gives: texts like `10.0.0.7 uid-a`, or an address alone. */
class Rig {
  readonly clusters = new Map<string, string[]>();
  /** What was handed on, in order: name and endpoints. */
  readonly told: string[] = [];
  readonly strangers: string[] = [];
  readonly configured: Cluster[] = [];
  readonly published: PublishedClusters;
  readonly #assignments = new Map<string, ResourceEntry<LoadAssignment>>();

  constructor() {
    const lookup: ResourceLookup = {
      listener: () => undefined,
      routeConfiguration: () => undefined,
      cluster: (name) => present(TYPE_URL.cluster, name, clusterResource(name), false),
      loadAssignment: (name) => this.#assignments.get(name),
    };
    this.published = new PublishedClusters({
      lookup,
      holdBackMs: HOLD_MS,
      nowMs: () => 0,
      upsert: ({ name, endpoints }) => {
        this.clusters.set(
          name,
          endpoints.map(({ address }) => address),
        );
        this.told.push(`${name}: ${endpoints.map(({ address }) => address).join(" ")}`);
      },
      remove: (name) => void this.clusters.delete(name),
      onHeldBack: () => {},
      onStrangers: (name, addresses) => void this.strangers.push(`${name} ${addresses.join(" ")}`),
      others: () => this.configured,
    });
  }

  /** Gives several at once, as one message may. */
  give(assignments: Readonly<Record<string, readonly string[]>>, fromDisk = false): void {
    const fresh: string[] = [];
    for (const [name, endpoints] of Object.entries(assignments)) {
      this.#assignments.set(
        name,
        present(TYPE_URL.loadAssignment, name, assignment(name, endpoints), fromDisk),
      );
      if (this.published.has(name)) fresh.push(name);
      else this.published.use(name);
    }
    if (fresh.length > 0) this.published.update(fresh);
  }
}

function present<T>(
  typeUrl: ResourceEntry["typeUrl"],
  name: string,
  value: T,
  fromDisk: boolean,
): ResourceEntry<T> {
  const rest = { version: "1", octets: undefined, problem: "", deliberate: false };
  return { typeUrl, name, state: "present", value, fromDisk, ...rest };
}

function clusterResource(name: string): ClusterResource {
  const { settings: _, ...rest } = CLUSTER_DEFAULTS;
  const cluster = { ...rest, settings: CLUSTER_DEFAULTS.settings, name, endpoints: [] };
  return {
    cluster,
    assignmentName: name,
    assignment: undefined,
    weighsLocalities: false,
  } as unknown as ClusterResource;
}

function assignment(name: string, texts: readonly string[]): LoadAssignment {
  const endpoints = texts.map((text): AssignedEndpoint => {
    const [address = "", uid = ""] = text.split(" ");
    return { address, port: 80, weight: 1, health: "healthy", uid, node: "", labels: {} };
  });
  const locality = { region: "", zone: "", priority: 0, weight: 1, endpoints };
  return { name, localities: [locality], count: endpoints.length };
}

const PODS = ["10.0.0.1 a", "10.0.0.2 b", "10.0.0.3 c"];

describe("an endpoint that is held back", () => {
  it("gets nothing any more when another service has a Pod at its address, and nothing meanwhile", () => {
    const rig = new Rig();
    rig.give({ echo: PODS, other: ["10.0.0.9 x"] });
    rig.give({ echo: [] });
    assert.deepEqual(rig.clusters.get("echo"), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    rig.told.length = 0;
    rig.give({ other: ["10.0.0.9 x", "10.0.0.2 stranger"] });
    assert.deepEqual(rig.clusters.get("echo"), ["10.0.0.1", "10.0.0.3"]);
    assert.deepEqual(rig.strangers, ["echo 10.0.0.2"]);
    rig.give({ other: ["10.0.0.9 x"] });
    rig.give({ echo: [] });
    assert.deepEqual(rig.clusters.get("echo"), ["10.0.0.1", "10.0.0.3"], "it stays out");
    assert.deepEqual(
      rig.published.release(() => true),
      ["echo"],
    );
    assert.deepEqual(rig.clusters.get("echo"), []);
  });

  it("never is handed on when its address goes to another service in the same message", () => {
    const rig = new Rig();
    rig.give({ echo: PODS, other: ["10.0.0.9 x"] });
    rig.told.length = 0;
    rig.give({ echo: [], other: ["10.0.0.1 stranger"] });
    assert.deepEqual(rig.told, ["echo: 10.0.0.2 10.0.0.3", "other: 10.0.0.1"]);
  });

  it("goes on where the other service has the very same Pod", () => {
    const rig = new Rig();
    rig.give({ echo: PODS, other: PODS });
    rig.give({ echo: [] });
    assert.equal(rig.clusters.get("echo")?.length, 3);
    assert.deepEqual(rig.strangers, []);
  });

  it("is out where nobody can say whether it is the same, and where the file's own clusters have its address", () => {
    const rig = new Rig();
    rig.give({ echo: PODS, other: ["10.0.0.1"] });
    rig.give({ echo: [] });
    assert.deepEqual(rig.clusters.get("echo"), ["10.0.0.2", "10.0.0.3"]);
    const key = endpointKey("file", "10.0.0.2", 80);
    rig.configured.push({
      ...CLUSTER_DEFAULTS,
      name: "file",
      endpoints: [{ ...ENDPOINT_DEFAULTS, key, address: "10.0.0.2", port: 80 }],
    });
    rig.published.othersChanged();
    assert.deepEqual(rig.clusters.get("echo"), ["10.0.0.3"]);
  });

  it("is as good as any other again when the control plane lists it again", () => {
    const rig = new Rig();
    rig.give({ echo: PODS, other: ["10.0.0.1 stranger"] });
    assert.equal(
      rig.clusters.get("echo")?.length,
      3,
      "what a control plane says of two services is its own affair",
    );
    rig.give({ echo: [] });
    assert.equal(rig.clusters.get("echo")?.length, 2);
    rig.give({ echo: PODS });
    assert.equal(rig.clusters.get("echo")?.length, 3);
  });
});

describe("an endpoint that only the disk knows", () => {
  it("gets nothing any more when the control plane says that somebody else is at its address", () => {
    const rig = new Rig();
    rig.give({ echo: PODS, other: ["10.0.0.9 x"] }, true);
    assert.equal(rig.clusters.get("echo")?.length, 3);
    rig.give({ other: ["10.0.0.3 stranger"] });
    assert.deepEqual(rig.clusters.get("echo"), ["10.0.0.1", "10.0.0.2"]);
    assert.deepEqual(rig.strangers, ["echo 10.0.0.3"]);
    rig.give({ echo: PODS });
    assert.equal(rig.clusters.get("echo")?.length, 3, "confirmed");
  });

  it("says nothing about others that the disk knows as well", () => {
    const rig = new Rig();
    rig.give({ echo: PODS, other: ["10.0.0.3 x"] }, true);
    assert.equal(rig.clusters.get("echo")?.length, 3);
    assert.deepEqual(rig.strangers, []);
  });
});
