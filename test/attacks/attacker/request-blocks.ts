import { indexingBlock, literalBlock } from "../../support/literal-block.ts";

/** `:method POST` and `:scheme http` of the static table. */
const POST_HTTP = Buffer.of(0x83, 0x86);

/**
 * The header block of a connection's first request: what it says enters the table, so that {@link NEXT_REQUEST} is all
 * that later ones need.
 */
export function firstRequest(authority: string, path = "/echo.Echo/Unary"): Buffer {
  return Buffer.concat([
    POST_HTTP,
    indexingBlock(":path", path),
    indexingBlock(":authority", authority),
    indexingBlock("content-type", "application/grpc"),
    indexingBlock("te", "trailers"),
  ]);
}

/** The same request again, from the table: six octets. */
export const NEXT_REQUEST: Buffer = Buffer.of(0x83, 0x86, 0xc1, 0xc0, 0xbf, 0xbe);

/** A request that depends on no table, with more fields. */
export function literalRequest(authority: string, more: Readonly<Record<string, string>> = {}): Buffer {
  return literalBlock({
    ":method": "POST",
    ":scheme": "http",
    ":path": "/echo.Echo/Unary",
    ":authority": authority,
    "content-type": "application/grpc",
    te: "trailers",
    ...more,
  });
}

/** A gRPC message that asks the endpoint for so many octets. */
export function askFor(octets: number): Buffer {
  const message = Buffer.alloc(5 + 16);
  message.writeUInt32BE(16, 1);
  message[5] = 0x0a;
  message[6] = 14;
  message.writeUInt32BE(octets, 7);
  return message;
}
