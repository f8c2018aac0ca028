// Ten calls over one connection, through Isobar, to the demo's backends: see which one serves each.
// Start the demo with "npm start", then: npx node examples/clients/say.mjs [address]
import { Client, credentials } from "@grpc/grpc-js";

const address = process.argv[2] ?? "127.0.0.1:15001";
const client = new Client(address, credentials.createInsecure(), {
  "grpc.default_authority": "echo.default.svc.cluster.local:50051",
});

// echo.SayRequest and echo.SayReply are strings in fields 1, 2 and 3: short enough to do without generated code.
const encode = (text) => Buffer.concat([Buffer.from([0x0a, Buffer.byteLength(text)]), Buffer.from(text)]);
const decode = (octets) => {
  const fields = {};
  for (let at = 0; at < octets.length; at += 2 + octets[at + 1]) {
    fields[octets[at] >> 3] = octets.toString("utf8", at + 2, at + 2 + octets[at + 1]);
  }
  return { text: fields[1], backend: fields[2], zone: fields[3] };
};

for (let call = 1; call <= 10; call++) {
  const reply = await new Promise((resolve, reject) => {
    client.makeUnaryRequest("/echo.Echo/Say", encode, decode, `call ${call}`, (error, value) =>
      error ? reject(error) : resolve(value),
    );
  });
  console.log(`${reply.text}: ${reply.backend} in ${reply.zone}`);
}
client.close();
