import { createHash } from "node:crypto";
import { TokenBucket } from "../../base/token-bucket.ts";
import type { StatusWriter } from "../../controller/status-writer.ts";
import { CONTROLLER_NAME } from "../../controller/written-verdicts.ts";
import type { IncomingPod } from "./admission-review.ts";

/** Events remembered, so that the replicas of a Deployment are one. */
const MOST_REMEMBERED = 4_096;
/** Whoever can connect can ask: so many Events a second are written for it at most, and so many at once. */
const PER_SECOND = 1;
const AT_ONCE = 60;
/** Without a name of its own a Pod has its owner's. */
const MAX_NAME = 200;

/** Warning Events about Pods that were left alone. They are on what made the Pod, such as its ReplicaSet, because the Pod is not there yet. */
export class WarningEvents {
  readonly #writer: Pick<StatusWriter, "put">;
  readonly #nowMs: () => number;
  readonly #said = new Set<string>();
  readonly #bucket: TokenBucket;

  /** @param nowMs the wall clock. */
  constructor(writer: Pick<StatusWriter, "put">, nowMs: () => number) {
    this.#writer = writer;
    this.#nowMs = nowMs;
    this.#bucket = new TokenBucket(AT_ONCE, PER_SECOND, nowMs());
  }

  /** Says it once for each owner and message. */
  leftAlone(namespace: string, { metadata }: IncomingPod, message: string): void {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
    const about =
      owner === undefined
        ? { apiVersion: "v1", kind: "Pod", name: metadata.name ?? "" }
        : { apiVersion: owner.apiVersion, kind: owner.kind, name: owner.name, uid: owner.uid };
    // A Pod by itself, whose name the API server makes up, has nothing that an Event could be on; the warning has been said.
    if (about.name === "") return;
    const key = createHash("sha256")
      .update(JSON.stringify([namespace, about, message]))
      .digest("hex");
    if (this.#said.has(key) || !this.#bucket.take(this.#nowMs())) return;
    if (this.#said.size >= MOST_REMEMBERED) this.#said.clear();
    this.#said.add(key);
    const now = new Date(this.#nowMs()).toISOString().replace(/\.\d+Z$/, "Z");
    // All replicas choose the same name: who comes second is refused.
    const name = `${about.name.slice(0, MAX_NAME)}.${key.slice(0, 16)}`;
    const body = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace },
      type: "Warning",
      reason: "PodLeftAlone",
      message,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component: "isobar-control-plane" },
      reportingComponent: CONTROLLER_NAME,
      involvedObject: { ...about, namespace },
    };
    const path = `/api/v1/namespaces/${namespace}/events`;
    this.#writer.put(`event/${namespace}/${name}`, () => ({ method: "POST", path, body }));
  }
}
