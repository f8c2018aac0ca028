/** Fields by name, or in order when names repeat. */
export type Fields = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

/** Fields of a gRPC request, pseudo-header fields first. */
export const REQUEST: Readonly<Record<string, string>> = {
  ":method": "POST",
  ":scheme": "http",
  ":path": "/pkg.Service/Method",
  ":authority": "service.test:50051",
  te: "trailers",
  "content-type": "application/grpc",
};

export const RESPONSE: Readonly<Record<string, string>> = {
  ":status": "200",
  "content-type": "application/grpc",
};

export const TRAILERS: Readonly<Record<string, string>> = { "grpc-status": "0" };

/**
 * A header block in the simplest form there is: literals without indexing, names and values written out. It depends on no
 * table, so that tests can reorder and repeat it. Source: RFC 7541 §6.2.2.
 */
export function literalBlock(fields: Fields): Buffer {
  const list = Array.isArray(fields) ? fields : Object.entries(fields);
  return Buffer.concat(list.map(([name, value]) => Buffer.concat([Buffer.of(0), text(name), text(value)])));
}

/** A literal with incremental indexing (RFC 7541 §6.2.1): the receiver's table takes it. */
export function indexingBlock(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0x40), text(name), text(value)]);
}

function text(value: string): Buffer {
  const octets = Buffer.from(value, "latin1");
  if (octets.length < 127) return Buffer.concat([Buffer.of(octets.length), octets]);
  const length = [127];
  let rest = octets.length - 127;
  for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.of(...length, rest), octets]);
}
