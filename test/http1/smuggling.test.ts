import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { H2UpgradePolicy } from "../../src/resource/cluster.ts";
import { Http1Rig, RawHttp1Client, WEB } from "./http1-rig.ts";
import type { Recorded } from "./recording-backend.ts";
import { recordHttp1, recordHttp2 } from "./recording-backend.ts";
import type { SmugglingCase } from "./smuggling-cases.ts";
import { SMUGGLING_CASES } from "./smuggling-cases.ts";

const FIRST = `GET /first HTTP/1.1\r\nHost: ${WEB}\r\n\r\n`;
const LAST = `GET /last HTTP/1.1\r\nHost: ${WEB}\r\nConnection: close\r\n\r\n`;

const WAYS = [
  { name: "HTTP/1.1", protocol: "http1", policy: "DO_NOT_UPGRADE", record: recordHttp1 },
  { name: "HTTP/2", protocol: "http2", policy: "UPGRADE", record: recordHttp2 },
] as const satisfies readonly {
  name: string;
  protocol: string;
  policy: H2UpgradePolicy;
  record: () => Promise<Recorded>;
}[];

function statuses(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 ([0-9]{3}) /g)].map((match) => Number(match[1]));
}

for (const { name, protocol, policy, record } of WAYS) {
  describe(`towards ${name}`, () => {
    let rig: Http1Rig;
    let backend: Recorded;

    before(async () => {
      rig = await Http1Rig.start();
      backend = await record();
      rig.proxy.apply([backend.port], { name: WEB, protocol, h2UpgradePolicy: policy });
    });
    after(async () => {
      await rig.close();
      backend.stop();
    });

    /** Sends a case behind a harmless request. @returns the answers to it, and what the backend saw of it. */
    async function attempt({ raw, open = false }: SmugglingCase): Promise<[number[], string[]]> {
      const from = backend.requests.length;
      const client = new RawHttp1Client(rig.port);
      client.say(FIRST);
      await client.hears("HTTP/1.1 200");
      client.say(raw);
      if (open) {
        await client.hears("HTTP/1.1 200", 2);
        client.say(LAST);
      }
      const received = await client.closed();
      const seen = backend.requests.slice(from).map((line) => line.slice(0, line.lastIndexOf(" ")));
      return [statuses(received).slice(1), seen.filter((line) => line !== "GET /first")];
    }

    for (const each of SMUGGLING_CASES) {
      it(each.open === true ? each.name : `${each.name} is refused, and the connection closed`, async () => {
        const [answers, seen] = await attempt(each);
        const last = each.open === true;
        assert.deepEqual(answers, last ? [each.status, 200] : [each.status]);
        // A head that is right may arrive before its body turns out to be wrong; what is hidden in it never does.
        const begun = seen.filter((line) => line !== "POST /a" || each.seen.length > 0);
        assert.deepEqual(begun, last ? [...each.seen, "GET /last"] : each.seen);
      });
    }

    it("requests that are right but come at once are answered in turn, each one once", async () => {
      const from = backend.requests.length;
      const client = new RawHttp1Client(rig.port);
      const one = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: ${WEB}\r\n\r\n`;
      client.say(one("/1") + one("/2") + one("/3") + LAST);
      assert.deepEqual(statuses(await client.closed()), [200, 200, 200, 200]);
      const seen = backend.requests.slice(from).map((line) => line.split(" ")[1]);
      assert.deepEqual(seen, ["/1", "/2", "/3", "/last"]);
    });

    it("what is behind a request that closes the connection is not read", async () => {
      const from = backend.requests.length;
      const client = new RawHttp1Client(rig.port);
      client.say(LAST + FIRST);
      assert.deepEqual(statuses(await client.closed()), [200]);
      assert.equal(backend.requests.length - from, 1);
    });
  });
}

it("there are at least fifty cases, no two the same", () => {
  assert.ok(SMUGGLING_CASES.length >= 50);
  assert.equal(new Set(SMUGGLING_CASES.map(({ raw }) => raw)).size, SMUGGLING_CASES.length);
});
