import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { ServiceError } from "@grpc/grpc-js";
import { Client, credentials, status } from "@grpc/grpc-js";
import { ResourceCache } from "../../../src/xds/cache/resource-cache.ts";
import { encodeFirstLoadStats } from "../../../src/xds/load/encode-load-stats.ts";
import { LoadBook } from "../../../src/xds/load/load-book.ts";
import { LoadReportCounts } from "../../../src/xds/load/load-stream.ts";
import { LRS_SERVICE } from "../../../src/xds/load/lrs-service.ts";
import { serveLoadReports } from "../../../src/xds/load/serve-load-reports.ts";
import type { Admission, Refusal, ScopeOwner } from "../../../src/xds/server/admission.ts";
import { AdsServer } from "../../../src/xds/server/ads-server.ts";

const { StreamLoadStats: METHOD } = LRS_SERVICE;
const NOT_YOURS: Refusal = { code: status.PERMISSION_DENIED, reason: "node", message: "found n1, wanted n2" };

describe("serveLoadReports", () => {
  const open: { close(): void }[] = [];
  afterEach(() => {
    for (const each of open.splice(0)) each.close();
  });

  async function rig(maxStreams?: number, admission?: Admission) {
    const counts = new LoadReportCounts();
    const refused: Refusal[] = [];
    const faults: string[] = [];
    const events = { pushed: () => {}, answered: () => {}, unknownType: () => {} };
    const source = new ResourceCache();
    const server = new AdsServer({ source, events, onFault: () => {}, admission });
    serveLoadReports(server, {
      book: new LoadBook(() => true),
      counts,
      intervalMs: () => 1_000,
      nowMs: () => performance.now(),
      onFault: (_, error) => faults.push(String(error)),
      onRefused: (_, refusal) => refused.push(refusal),
      ...(maxStreams === undefined ? {} : { maxStreams }),
    });
    const port = await server.listen("127.0.0.1:0");
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    open.push(client, server);
    /** @returns whether it is told what to report, and how it ends. */
    const report = (id: string) => {
      const same = (octets: Buffer): Buffer => octets;
      const call = client.makeBidiStreamRequest(METHOD.path, same, same);
      const ended = new Promise<ServiceError>((resolve) => call.on("error", resolve));
      const told = new Promise<void>((resolve) => call.once("data", () => resolve()));
      call.write(encodeFirstLoadStats({ id, region: "", zone: "", userAgentVersion: "1" }));
      return { ended, told };
    };
    return { counts, refused, faults, report };
  }

  it("ends the stream of whoever reports for another node, and counts and tells it", async () => {
    const admission: Admission = {
      admit: async () => ({
        who: "the proxy of n1",
        enter: ({ id }, owner: ScopeOwner) => {
          if (id !== "n1") owner.refuse(NOT_YOURS);
          return undefined;
        },
        leave: () => {},
      }),
    };
    const { counts, refused, report } = await rig(undefined, admission);
    await report("n1").told;
    assert.deepEqual([counts.refusedClients, refused], [0, []]);
    const { code, details } = await report("n2").ended;
    assert.deepEqual([code, details], [NOT_YOURS.code, NOT_YOURS.message]);
    assert.deepEqual([counts.refusedClients, refused], [1, [NOT_YOURS]]);
  });

  it("takes no more streams than there may be, and says so on both sides", async () => {
    const { counts, faults, report } = await rig(1);
    await report("n1").told;
    const { code, details } = await report("n2").ended;
    assert.equal(code, status.RESOURCE_EXHAUSTED);
    assert.match(details, /^1 streams of load reports are open/);
    assert.equal(counts.tooManyStreams, 1);
    assert.match(faults.join(), /1 streams of load reports are open/);
  });
});
