import assert from "node:assert/strict";
import { Agent, request } from "node:https";
import { after, before, describe, it } from "node:test";
import type { TLSSocket } from "node:tls";
import type { PodOptIn } from "../../../src/control-plane/webhook/judge-pod.ts";
import { PodWebhook } from "../../../src/control-plane/webhook/pod-webhook.ts";
import { WarningEvents } from "../../../src/control-plane/webhook/warning-events.ts";
import { WebhookServer } from "../../../src/control-plane/webhook/webhook-server.ts";
import type { PendingWrite } from "../../../src/controller/status-writer.ts";
import { missingOpenssl, TestAuthority } from "../../support/test-authority.ts";

const { CI } = process.env;
const missing = missingOpenssl();
const skip = missing !== undefined && CI === undefined ? missing : false;
const SETTINGS = { image: "isobar:9", door: "169.254.77.1:15001", domain: "cluster.local" };
const OWNER = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "app-1", uid: "u", controller: true };

function review(change: object = {}, pod: object = {}): object {
  const request = {
    uid: "question-1",
    namespace: "shop",
    operation: "CREATE",
    resource: { group: "", version: "v1", resource: "pods" },
    object: { metadata: { generateName: "app-1-" }, spec: { containers: [{ name: "app" }] }, ...pod },
    ...change,
  };
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request };
}

/** A Pod of a ReplicaSet that says something of proxies itself. */
const STUBBORN = {
  metadata: { generateName: "app-1-", ownerReferences: [OWNER] },
  spec: { containers: [{ name: "app", env: [{ name: "HTTPS_PROXY", value: "http://corporate" }] }] },
};

describe("the webhook's server", { skip }, () => {
  let authority: TestAuthority;
  let server: WebhookServer;
  let webhook: PodWebhook;
  let port = 0;
  let optIn: PodOptIn | undefined;
  let agent: Agent;
  const events: PendingWrite[] = [];
  const identity = () => ({ ...authority.issue({ subjectAltNames: ["DNS:isobar.test"] }), clientCa: "" });

  before(async () => {
    authority = new TestAuthority();
    agent = new Agent({ ca: authority.ca, servername: "isobar.test", keepAlive: true });
    const writer = { put: (_: string, make: () => PendingWrite | undefined) => void events.push(make()!) };
    webhook = new PodWebhook({
      settings: SETTINGS,
      optIn: () => optIn,
      events: new WarningEvents(writer, () => 1_700_000_000_000),
    });
    server = new WebhookServer(webhook);
    port = await server.listen("127.0.0.1", 0, identity());
  });

  after(async () => {
    agent?.destroy();
    await server?.close();
    authority?.remove();
  });

  /** @returns what was answered, and the serial number of the certificate it came with. */
  function ask(body: unknown, { path = "/mutate-pods", method = "POST", by = agent } = {}) {
    return new Promise<{ code: number; text: string; serial: string }>((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port, path, method, agent: by }, (answer) => {
        const { serialNumber } = (answer.socket as TLSSocket).getPeerCertificate();
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        answer.on("end", () => resolve({ code: answer.statusCode ?? 0, text, serial: serialNumber }));
      });
      sent.on("error", reject);
      sent.end(typeof body === "string" ? body : JSON.stringify(body));
    });
  }

  it("answers a review with a patch, and by its uid", async () => {
    optIn = { mode: "transparent", percent: 100, failClosed: false, mesh: "" };
    const { code, text } = await ask(review());
    assert.equal(code, 200);
    const { apiVersion, kind, response } = JSON.parse(text) as Record<string, never> & {
      response: { uid: string; allowed: boolean; patchType: string; patch: string };
    };
    assert.deepEqual([apiVersion, kind], ["admission.k8s.io/v1", "AdmissionReview"]);
    assert.deepEqual([response.uid, response.allowed, response.patchType], ["question-1", true, "JSONPatch"]);
    const patch = JSON.parse(Buffer.from(response.patch, "base64").toString()) as { path: string }[];
    assert.deepEqual(
      patch.map(({ path }) => path),
      ["/spec/initContainers", "/metadata/annotations"],
    );
  });

  it("lets in what is none of its business as it is", async () => {
    optIn = { mode: "transparent", percent: 100, failClosed: false, mesh: "" };
    const before = webhook.counts.unchanged;
    const others = [
      { namespace: "kube-system" },
      { operation: "UPDATE" },
      { resource: { group: "apps", version: "v1", resource: "deployments" } },
    ];
    for (const change of others) {
      const { code, text } = await ask(review(change));
      assert.equal(code, 200);
      assert.deepEqual(JSON.parse(text).response, { uid: "question-1", allowed: true });
    }
    assert.equal(webhook.counts.unchanged, before + others.length);
  });

  it("says once, by an Event on the owner, that Pods are left alone, and nothing of it for a dry run", async () => {
    optIn = { mode: "proxy-env", percent: 100, failClosed: false, mesh: "" };
    await ask(review({ dryRun: true }, STUBBORN));
    assert.equal(events.length, 0);
    for (let times = 0; times < 3; times++) {
      const { text } = await ask(review({ uid: `question-${times}` }, STUBBORN));
      assert.match(JSON.parse(text).response.warnings[0], /left alone.*container app sets HTTPS_PROXY$/);
    }
    assert.equal(events.length, 1);
    const event = events[0]!;
    assert.equal(event.path, "/api/v1/namespaces/shop/events");
    const { involvedObject, reason, type } = event.body as Record<string, unknown>;
    const { apiVersion, kind, name, uid } = OWNER;
    assert.deepEqual(involvedObject, { apiVersion, kind, name, uid, namespace: "shop" });
    assert.deepEqual([reason, type], ["PodLeftAlone", "Warning"]);
  });

  it("writes no more Events than a bucket holds, however many owners there are", async () => {
    const before = events.length;
    const by = new WarningEvents({ put: (_, make) => void events.push(make()!) }, () => 1_700_000_000_000);
    for (let i = 0; i < 200; i++) {
      const metadata = { ownerReferences: [{ ...OWNER, name: `app-${i}` }] };
      by.leftAlone("shop", { metadata, spec: { containers: [] } }, "left alone");
    }
    assert.equal(events.length - before, 60);
  });

  const bad: readonly (readonly [string, () => Promise<{ code: number; text: string }>, number, RegExp])[] = [
    ["another path", () => ask(review(), { path: "/" }), 404, /wanted \/mutate-pods/],
    ["another method", () => ask("", { method: "PUT" }), 405, /wanted POST/],
    ["no JSON", () => ask("{"), 400, /found no JSON/],
    [
      "another version",
      () => ask({ ...review(), apiVersion: "admission.k8s.io/v1beta1" }),
      400,
      /apiVersion/,
    ],
    [
      "no Pod",
      () => ask(review({ object: { metadata: {}, spec: {} } })),
      400,
      /request\.object\.spec\.containers/,
    ],
    ["nothing", () => ask("null"), 400, /wanted an AdmissionReview/],
    ["too much", () => ask(" ".repeat(4_200_000)), 413, /octets at most/],
  ];
  for (const [what, attempt, code, wanted] of bad) {
    it(`refuses ${what} in words`, async () => {
      const answer = await attempt();
      assert.equal(answer.code, code);
      assert.match(answer.text, wanted);
    });
  }

  it("does not answer before Namespaces are known", async () => {
    optIn = undefined;
    const { code, text } = await ask(review());
    assert.equal(code, 503);
    assert.match(text, /Namespaces are not known yet/);
  });

  it("takes another certificate for new connections while those that stand go on", async () => {
    optIn = { mode: "off", percent: 100, failClosed: false, mesh: "" };
    const first = await ask(review());
    server.use(identity());
    const standing = await ask(review());
    assert.equal(standing.serial, first.serial);
    const other = new Agent({ ca: authority.ca, servername: "isobar.test" });
    const fresh = await ask(review(), { by: other });
    other.destroy();
    assert.equal(fresh.code, 200);
    assert.notEqual(fresh.serial, first.serial);
  });
});
