import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { AskedAuthorities } from "../../src/proxy/authorities/asked-authorities.ts";
import { AuthorityState } from "../../src/proxy/authorities/authority-news.ts";
import { until } from "../proxy/fixture/until.ts";
import { Http1Rig, RawHttp1Client, WEB } from "./http1-rig.ts";
import { WebBackend } from "./web-backend.ts";

const WAIT_MS = 300;
const get = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

describe("hosts that a control plane may know, on connections that are handled request by request", () => {
  let rig: Http1Rig;
  let backend: WebBackend;
  let client: RawHttp1Client;
  let asked: AskedAuthorities;
  let sweeps: NodeJS.Timeout;
  let names: string[];

  beforeEach(async () => {
    names = [];
    backend = await WebBackend.start(({ headers }, response) => response.end(`[for ${headers.host}]`));
    rig = await Http1Rig.start();
    rig.proxy.apply([backend.port], { name: WEB, protocol: "http1", h2UpgradePolicy: "DO_NOT_UPGRADE" });
    asked = rig.proxy.dataPlane.askFor({ waitMs: WAIT_MS, ask: (authority) => names.push(authority) });
    sweeps = setInterval(() => asked.sweep(), 50);
    client = new RawHttp1Client(rig.port);
    client.say(get(WEB));
    await client.hears(`[for ${WEB}]`);
  });
  afterEach(async () => {
    client.close();
    await rig.close();
    clearInterval(sweeps);
    backend.stop();
  });

  it("are asked for, and the request goes on when there is word", async () => {
    client.say(get("other.default:8080"));
    await until("asked", () => names.length === 1);
    assert.deepEqual(names, ["other.default:8080"]);
    asked.apply([{ authority: "other.default:8080", clusterSlot: 0 }]);
    await client.hears("[for other.default:8080]");
  });

  it("that do not exist, or of which there is no word in time, are answered 404, and the connection goes on", async () => {
    client.say(get("nobody.default"));
    await until("asked", () => names.length === 1);
    asked.apply([{ authority: "nobody.default", clusterSlot: AuthorityState.absent }]);
    await client.hears("HTTP/1.1 404");
    client.received = "";
    client.say(get("silent.default"));
    await client.hears("HTTP/1.1 404");
    client.say(get(WEB));
    await client.hears(`[for ${WEB}]`);
  });

  it("leave nothing behind when the client leaves first", async () => {
    client.say(get("left.default"));
    await until("asked", () => names.length === 1);
    client.close();
    await until("gone", () => rig.handler.connections === 0);
    asked.apply([{ authority: "left.default", clusterSlot: 0 }]);
  });
});
