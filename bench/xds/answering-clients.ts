// Delta streams, each on a connection of its own, that answer every response at once: node answering-clients.ts PORT COUNT NAME CA
// CA is the file of who vouches for the server, - for clear text.
// With one more word they ask and do not read.
import { readFileSync } from "node:fs";
import { Client, credentials } from "@grpc/grpc-js";
import { TYPE_URL } from "../../src/xds/resources/type-url.ts";
import { WireReader } from "../../src/xds/resources/wire-reader.ts";
import { WireWriter } from "../../src/xds/resources/wire-writer.ts";
import { ADS_SERVICE } from "../../src/xds/server/ads-service.ts";
import { SERVER_NAME } from "./make-server-certificate.ts";

const [port = "", count = "", name = "", ca = "", deaf = ""] = process.argv.slice(2);
const { path } = ADS_SERVICE.DeltaAggregatedResources;
const identity = (octets: Buffer) => octets;

/** Field numbers are those of envoy.service.discovery.v3.DeltaDiscoveryRequest. */
function request(nonce: string): Buffer {
  const writer = new WireWriter();
  if (nonce === "") {
    writer.message(1, (node) => node.string(1, "bench").string(6, "isobar")).strings(3, [name]);
  }
  return writer.string(2, TYPE_URL.loadAssignment).string(6, nonce).finish();
}

function nonceOf(octets: Buffer): string {
  const reader = new WireReader(octets);
  while (reader.next()) {
    if (reader.field === 5) return reader.string();
    reader.skip();
  }
  return "";
}

for (let i = 0; i < Number(count); i++) {
  const options = {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_receive_message_length": -1,
    // An address is none that TLS could ask for.
    ...(ca === "-" ? {} : { "grpc.ssl_target_name_override": SERVER_NAME }),
  };
  const trust = ca === "-" ? credentials.createInsecure() : credentials.createSsl(readFileSync(ca));
  const client = new Client(`127.0.0.1:${port}`, trust, options);
  const stream = client.makeBidiStreamRequest(path, identity, identity);
  stream.on("error", () => {});
  if (deaf === "") stream.on("data", (octets: Buffer) => stream.write(request(nonceOf(octets))));
  stream.write(request(""));
}
