import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { it } from "node:test";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { until } from "../proxy/fixture/until.ts";
import { freePort } from "../support/free-port.ts";
import { freePorts } from "../support/free-ports.ts";
import { Http1Rig, RawHttp1Client, WEB } from "./http1-rig.ts";
import { AS_HTTP1, get, through } from "./http1-stage.ts";
import { bodyOf, WebBackend } from "./web-backend.ts";

it("fields about one connection go no further, in either direction", async () => {
  const listener: RequestListener = (_, response) => {
    response.writeHead(200, {
      connection: "keep-alive, x-hop",
      "x-hop": "1",
      "keep-alive": "timeout=9",
      "x-end": "2",
    });
    response.end("ok");
  };
  await through(listener, async (client, backend) => {
    const fields =
      "Connection: X-Private, close-not\r\nX-Private: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\nX-Isobar-Explain: 1\r\nX-End: 2\r\n";
    client.say(get("/a", fields));
    const received = (await client.hears("ok")).toLowerCase();
    const seen = backend.fields.join("|").toLowerCase();
    assert.equal(seen, `host|${WEB}|x-end|2|connection|keep-alive`);
    assert.match(received, /x-end: 2/);
    for (const name of ["x-hop", "timeout=9"]) assert.ok(!received.includes(name), name);
  });
});

it("a connection to an endpoint serves many requests, and is closed when nothing needs it", async () => {
  await through(
    undefined,
    async (client, backend, rig) => {
      for (let i = 1; i <= 20; i++) {
        client.say(get());
        await client.hears("GET /a 0", i);
      }
      assert.equal(backend.connections, 1);
      const row = rig.proxy.row(WEB);
      assert.equal(row[ClusterColumn.http1Responses], 20);
      assert.equal(row[ClusterColumn.streamsActive], 0);
    },
    { freeConnectionMs: 3000 },
  );
});

it("requests of one connection go to all endpoints in turn, an unreachable one is left for others", async () => {
  const other = await WebBackend.start();
  await through(undefined, async (client, backend, rig) => {
    rig.proxy.apply([backend.port, other.port, await freePort()], {
      ...AS_HTTP1,
      settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
    });
    for (let i = 1; i <= 12; i++) {
      client.say(`POST /a HTTP/1.1\r\nHost: ${WEB}\r\nContent-Length: 3\r\n\r\nabc`);
      await client.hears("POST /a 3", i);
    }
    assert.ok(backend.requests >= 4 && other.requests >= 4);
    assert.equal(backend.requests + other.requests, 12);
  });
  other.stop();
});

it("bodies of any framing arrive whole, chunks and trailers included", async () => {
  const listener: RequestListener = (request, response) => {
    void bodyOf(request).then((body) => {
      response.writeHead(200, { trailer: "x-sum" });
      response.write(body);
      response.addTrailers({ "x-sum": String(body.length) });
      response.end();
    });
  };
  await through(listener, async (client, backend) => {
    const post = `POST /a HTTP/1.1\r\nHost: ${WEB}\r\nTE: trailers\r\nConnection: te\r\nTransfer-Encoding: chunked\r\n\r\n`;
    client.say(`${post}5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX-Late: yes\r\n\r\n`);
    const received = await client.hears("x-sum: 11\r\n\r\n");
    assert.match(received, /hello/);
    assert.deepEqual(
      backend.trailers.map((text) => text.toLowerCase()),
      ["x-late", "yes"],
    );
  });
});

it("HEAD, 204 and 304 have no body, and the connection goes on", async () => {
  const listener: RequestListener = (request, response) => {
    const status = Number(request.url!.slice(1));
    response.writeHead(status, status === 200 ? { "content-length": "1000" } : {});
    response.end();
  };
  await through(listener, async (client) => {
    client.say(`HEAD /200 HTTP/1.1\r\nHost: ${WEB}\r\n\r\n`);
    await client.hears("content-length: 1000\r\n");
    client.say(get("/204"));
    await client.hears("HTTP/1.1 204 No Content");
    client.say(get("/304"));
    await client.hears("HTTP/1.1 304 Not Modified");
    client.say(get("/204"));
    await client.hears("HTTP/1.1 204 No Content", 2);
  });
});

it("100 and 103 come from the endpoint, and the body only then", async () => {
  const backend = createServer((socket) => {
    let text = "";
    socket.on("data", (part) => {
      text += part;
      if (text.endsWith("\r\n\r\n")) {
        assert.match(text, /expect: 100-continue/i);
        socket.write("HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
      }
      if (text.endsWith("body")) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  const rig = await Http1Rig.start({ freeConnectionMs: 100 });
  rig.proxy.apply([(backend.address() as AddressInfo).port], AS_HTTP1);
  const client = new RawHttp1Client(rig.port);
  client.say(`POST /a HTTP/1.1\r\nHost: ${WEB}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
  await client.hears("HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n");
  await client.hears("HTTP/1.1 100 Continue\r\n\r\n");
  client.say("body");
  await client.hears("ok");
  client.close();
  await rig.close();
  backend.close();
});

it("HTTP/1.0 gets no chunks and no interim answers, and its connection is closed", async () => {
  const listener: RequestListener = (_, response) => {
    response.writeEarlyHints({ link: "</a.css>" });
    response.write("part");
    response.end("end");
  };
  await through(listener, async (client) => {
    client.say(`GET /a HTTP/1.0\r\nHost: ${WEB}\r\n\r\n`);
    const received = await client.closed();
    assert.match(received, /^HTTP\/1\.1 200 /);
    assert.match(received, /\r\n\r\npartend$/);
  });
});

it("a large body is passed on as the client reads, not stored", async () => {
  const octets = 64 * 2 ** 20;
  const listener: RequestListener = (_, response) => {
    response.writeHead(200, { "content-length": octets });
    const part = Buffer.alloc(65_536, "x");
    let left = octets;
    const more = (): void => {
      while (left > 0) {
        left -= part.length;
        if (!response.write(part)) {
          response.once("drain", more);
          return;
        }
      }
      response.end();
    };
    more();
  };
  await through(listener, async (client, _, rig) => {
    let heard = 0;
    client.socket.removeAllListeners("data");
    client.socket.on("data", (text) => {
      heard += text.length;
    });
    client.socket.pause();
    const before = process.memoryUsage.rss();
    client.say(get());
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(rig.proxy.slabUsedOctets < 8 * 2 ** 20);
    assert.ok(process.memoryUsage.rss() - before < 48 * 2 ** 20, "64 MiB must not have been taken in");
    client.socket.resume();
    await until("all of it", () => heard > octets);
  });
});

it("a client that goes away ends its request at the endpoint", async () => {
  await through(
    () => {},
    async (client, backend) => {
      client.say(get());
      await until("the request", () => backend.open === 1);
      client.close();
      await until("its end", () => backend.aborted === 1);
    },
  );
});

it("an endpoint that does not answer in time is 504, and one that hangs up is 503", async () => {
  await through(
    (request, response) => {
      if (request.url === "/close") response.destroy();
    },
    async (client) => {
      client.say(get("/close"));
      assert.match(await client.hears("(UC)"), /HTTP\/1\.1 503 /);
      client.say(get("/hang"));
      assert.match(await client.hears("(DT)"), /HTTP\/1\.1 504 /);
    },
    { responseTimeoutMs: 200 },
  );
});

it("without an endpoint it is 503, unreachable or not there", async () => {
  await through(undefined, async (client, backend, rig) => {
    client.say(get());
    await client.hears("GET /a 0");
    rig.proxy.apply(await freePorts(1), AS_HTTP1);
    client.say(get());
    assert.match(await client.hears("(UF)"), /HTTP\/1\.1 503 /);
    rig.proxy.apply([], AS_HTTP1);
    client.say(get());
    assert.match(await client.hears("(UH)"), /HTTP\/1\.1 503 /);
    backend.drop();
  });
});

it("a kept connection that the endpoint has closed meanwhile costs a GET nothing", async () => {
  await through(
    undefined,
    async (client, backend) => {
      for (let i = 1; i <= 5; i++) {
        client.say(get());
        await client.hears("GET /a 0", i);
        backend.drop();
      }
    },
    { freeConnectionMs: 5000 },
  );
});

it("time limits: a slow head is 408, an idle connection is closed, a stuck body is 408", async () => {
  await through(
    undefined,
    async (client, _, rig) => {
      client.say(get());
      await client.hears("GET /a 0");
      client.say("GET /slow HTTP/1.1\r\nHos");
      assert.match(await client.hears("408 Request Timeout"), /\(DPE\)/);
      await client.closed();
      const idle = new RawHttp1Client(rig.port);
      idle.say(get());
      assert.equal((await idle.closed()).split("HTTP/1.1").length, 2);
      const stuck = new RawHttp1Client(rig.port);
      stuck.say(`POST /a HTTP/1.1\r\nHost: ${WEB}\r\nContent-Length: 9\r\n\r\nabc`);
      assert.match(await stuck.closed(), /^HTTP\/1\.1 408 /);
    },
    { headTimeoutMs: 200, idleTimeoutMs: 200, streamIdleTimeoutMs: 200 },
  );
});

it("connections beyond the limit are told so, and others are let be", async () => {
  await through(
    undefined,
    async (client, _, rig) => {
      client.say(get());
      await client.hears("GET /a 0");
      const second = new RawHttp1Client(rig.port);
      second.say(get());
      assert.match(await second.closed(), /^HTTP\/1\.1 503 [\s\S]*\(OM\)/);
      client.say(get());
      await client.hears("GET /a 0", 2);
    },
    { maxConnections: 1 },
  );
});

it("a drain lets requests finish, says close, and closes idle connections", async () => {
  await through(
    (_, response) => {
      setTimeout(() => response.end("late"), 150);
    },
    async (client, backend, rig) => {
      const idle = new RawHttp1Client(rig.port);
      idle.say(get());
      await idle.hears("late");
      client.say(get());
      await until("the request", () => backend.open === 1);
      rig.proxy.dataPlane.drain();
      await idle.closed();
      assert.match(await client.closed(), /connection: close[\s\S]*late/i);
    },
  );
});

it("two hundred aborts at any moment leave nothing behind", async () => {
  await through(undefined, async (_, backend, rig) => {
    for (let i = 0; i < 200; i++) {
      const client = new RawHttp1Client(rig.port);
      client.say(`POST /a HTTP/1.1\r\nHost: ${WEB}\r\nContent-Length: 100000\r\n\r\n${"x".repeat(i * 600)}`);
      if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 5));
      client.close();
    }
    await until("no connection left", () => rig.handler.connections === 0);
    await until("nothing open at the backend", () => backend.open === 0);
  });
});
