import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TokenReviewer } from "../../../src/control-plane/trust/token-reviewer.ts";
import { refuse, ScriptedApiServer } from "../../kube/harness/scripted-api-server.ts";

const USER = {
  username: "system:serviceaccount:isobar-system:isobar-proxy",
  extra: {
    "authentication.kubernetes.io/pod-name": ["isobar-1"],
    "authentication.kubernetes.io/pod-uid": ["u1"],
    "authentication.kubernetes.io/node-name": ["n1"],
  },
};
const GOOD = { authenticated: true, audiences: ["isobar"], user: USER };

/** A token as far as it is read: when it expires. */
function token(expiresMs: number): string {
  const claims = Buffer.from(JSON.stringify({ exp: Math.floor(expiresMs / 1_000) })).toString("base64url");
  return `head.${claims}.signature`;
}

describe("TokenReviewer", () => {
  let server: ScriptedApiServer;
  let status: object = GOOD;
  let asked = 0;

  beforeEach(async () => {
    server = await ScriptedApiServer.start();
    status = GOOD;
    asked = 0;
    server.fault = ({ path }, response) => {
      assert.equal(path, "/apis/authentication.k8s.io/v1/tokenreviews");
      asked++;
      response.writeHead(201, { "content-type": "application/json" });
      response.end(JSON.stringify({ kind: "TokenReview", status }));
      return true;
    };
  });

  afterEach(() => server.close());

  it("takes the Pod and its node from what newer API servers say", async () => {
    const identity = await new TokenReviewer(server.api).review(token(Date.now() + 60_000));
    assert.ok(!("code" in identity));
    assert.equal(
      identity.who,
      "ServiceAccount isobar-system/isobar-proxy, Pod isobar-system/isobar-1, node n1",
    );
    assert.deepEqual(
      [identity.node, identity.pod],
      ["n1", { namespace: "isobar-system", name: "isobar-1", uid: "u1" }],
    );
  });

  it("asks once for many streams with one token, and again when the answer is old", async () => {
    const reviewer = new TokenReviewer(server.api, { freshMs: 50 });
    const one = token(Date.now() + 60_000);
    await Promise.all(Array.from({ length: 50 }, () => reviewer.review(one)));
    assert.equal(asked, 1);
    await sleep(60);
    await reviewer.review(one);
    assert.equal(asked, 2);
  });

  it("does not take a token for another audience, nor anybody who is no ServiceAccount", async () => {
    const reviewer = new TokenReviewer(server.api, { refusedMs: 0 });
    const refusals: (object | undefined)[] = [
      { ...GOOD, audiences: ["https://kubernetes.default.svc"] },
      // An API server that knows nothing of audiences answers without any.
      { authenticated: true, user: USER },
      { ...GOOD, user: { username: "admin" } },
      { authenticated: false, error: "gone" },
      undefined,
    ];
    for (const each of refusals) {
      status = each ?? {};
      const answer = await reviewer.review("token");
      assert.ok("code" in answer && answer.code === 16 && answer.reason === "token", JSON.stringify(each));
      assert.match(answer.message, /wanted a ServiceAccount's token for the audience "isobar"/);
    }
  });

  it("goes on with what it knows while it gets no answer, as long as the token is good", async () => {
    const reviewer = new TokenReviewer(server.api, { freshMs: 0 });
    const known = token(Date.now() + 60_000);
    const expired = token(Date.now() - 1_000);
    for (const each of [known, expired]) assert.ok(!("code" in (await reviewer.review(each))));
    server.fault = (_, response) => refuse(response, 500, "InternalError", "etcd is away");
    assert.ok(!("code" in (await reviewer.review(known))));
    for (const each of [expired, token(Date.now() + 50_000)]) {
      const answer = await reviewer.review(each);
      assert.ok("code" in answer && answer.code === 14 && answer.reason === "unavailable");
    }
    server.fault = (_, response) => refuse(response, 403, "Forbidden", "tokenreviews");
    const answer = await reviewer.review("another");
    assert.match("code" in answer ? answer.message : "", /its ClusterRole lacks them/);
  });

  it("does not let a flood of tokens become a flood of questions, or of memories", async () => {
    const reviewer = new TokenReviewer(server.api, { atOnce: 2, waiting: 3, remembered: 4 });
    let most = 0;
    let now = 0;
    server.fault = (_, response) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        response.writeHead(201, { "content-type": "application/json" });
        response.end(JSON.stringify({ status: { authenticated: false } }));
      }, 20);
      return true;
    };
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => reviewer.review(`token-${i}`)));
    const unavailable = answers.filter((each) => "code" in each && each.reason === "unavailable");
    assert.deepEqual([most, unavailable.length], [2, 5]);
    assert.equal(reviewer.remembered, 4);
  });
});
