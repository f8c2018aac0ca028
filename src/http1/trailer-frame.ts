const TRAILERS_FLAG = 0x80;
const HEAD_OCTETS = 5;

/**
 * Writes trailers as the last message of a gRPC-Web body: flag 0x80, length, and a field line each, names in lower case.
 * Source: grpc/grpc doc/PROTOCOL-WEB.md, "Message framing".
 *
 * @param fields names and values by turns; what could not be in a field is left out.
 */
export function trailerFrame(fields: readonly string[]): Buffer {
  let text = "";
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]!.toLowerCase()}: ${fields[i + 1]}\r\n`;
  const body = Buffer.from(text, "latin1");
  const frame = Buffer.alloc(HEAD_OCTETS + body.length);
  frame[0] = TRAILERS_FLAG;
  frame.writeUInt32BE(body.length, 1);
  body.copy(frame, HEAD_OCTETS);
  return frame;
}
