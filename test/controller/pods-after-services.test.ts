import assert from "node:assert/strict";
import { test } from "node:test";
import { KubernetesSource } from "../../src/controller/kubernetes-source.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { ScriptedApiServer } from "../kube/harness/scripted-api-server.ts";

const SERVICES = 400;

test("Pods are asked for when the services are known, where no NetworkPolicy is about them", async () => {
  const server = await ScriptedApiServer.start();
  for (let n = 0; n < SERVICES; n++)
    server.write(`s${n}`, { spec: { ports: [{ name: "grpc", port: 50051, protocol: "TCP" }] } });
  let given = 0;
  let givenBefore: number | undefined;
  const podsAsked = Promise.withResolvers<void>();
  // All kinds but one are empty.
  server.fault = ({ path }, response) => {
    if (path.endsWith("/services")) return false;
    if (path.endsWith("/pods")) {
      givenBefore ??= given;
      podsAsked.resolve();
    }
    const bookmark = { "k8s.io/initial-events-end": "true" };
    const object = { metadata: { resourceVersion: "1", annotations: bookmark } };
    response.write(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
    return true;
  };
  const log = createLog({ stream: { write: () => {} } });
  const source = new KubernetesSource({ kubeConfig: { file: server.kubeConfig }, log });
  const { promise: synced, resolve } = Promise.withResolvers<void>();
  try {
    await source.start({ upsert: () => void given++, remove: () => {}, synced: resolve });
    await synced;
    await podsAsked.promise;
    assert.equal(givenBefore, SERVICES);
  } finally {
    await source.close();
    await server.close();
  }
});

test("namespaces are known when services are, however long Pods take to be read", async () => {
  const server = await ScriptedApiServer.start();
  server.fault = ({ path }, response) => {
    // Pods are never told.
    if (path.endsWith("/pods")) return true;
    const bookmark = { "k8s.io/initial-events-end": "true" };
    const object = { metadata: { resourceVersion: "1", annotations: bookmark } };
    response.write(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
    return true;
  };
  const log = createLog({ stream: { write: () => {} } });
  const source = new KubernetesSource({ kubeConfig: { file: server.kubeConfig }, log });
  const { promise: synced, resolve } = Promise.withResolvers<void>();
  assert.equal(source.isListed, false);
  try {
    await source.start({ upsert: () => {}, remove: () => {}, synced: resolve });
    await synced;
    assert.deepEqual([source.isListed, source.stats().hasSynced], [true, false]);
  } finally {
    await source.close();
    await server.close();
  }
});
